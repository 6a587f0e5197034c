"""Graphs, tables and pages about specs and runs; nothing here reaches Keras."""
