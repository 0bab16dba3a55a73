"""The kinds of database that a store can be in, one module each."""
