"""Functions: the source of what is observed, and all of the user's own code that it reads."""
