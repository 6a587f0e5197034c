"""Compiled model, data and run directory -> a finished run."""
