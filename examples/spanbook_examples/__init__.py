"""Short programs that Spanbook records: `python -m spanbook_examples.agent`."""
