"""Document -> Experiment: what a spec says, checked without Keras."""
