"""Tables of intake and the statements that write them. Reads for people are in `views`."""
