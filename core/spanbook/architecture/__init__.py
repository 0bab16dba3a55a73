"""Architectures: what a chain, graph, index or client is made of, as a tree of components."""
