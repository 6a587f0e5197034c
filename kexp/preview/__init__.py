"""What `preprocess` and `augment` make of samples."""
