"""`tensorflow_model_server` to the letter: its flags and its files."""
