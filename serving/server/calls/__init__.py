"""What can be asked of a model, whoever asks it."""
