"""Working on a case: what is asked for each act, what each page of the case shows, and carrying acts out."""
