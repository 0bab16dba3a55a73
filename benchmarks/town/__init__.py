"""A made-up company whose programs fill a large store: the data of `benchmarks.million`."""
