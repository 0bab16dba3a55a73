"""Recording: what turns the events of a program into records of the journal."""
