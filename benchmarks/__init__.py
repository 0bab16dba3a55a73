"""Speed, memory and loss of Spanbook beside other tracers: `make bench`."""
