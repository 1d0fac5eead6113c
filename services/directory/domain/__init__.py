"""The township as values, and what follows from it: what is announced, who may claim what, what is missing."""
