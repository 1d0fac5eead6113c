"""The deployables of Shouwang, one package each, independent of one another."""
