"""Experiment -> compiled keras.Model."""
