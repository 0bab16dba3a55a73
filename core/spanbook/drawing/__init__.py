"""Drawings of traces: Gantt chart, execution graph, one self-contained page."""
