"""A run's folder, and how a run that was interrupted goes on to the very weights it would have had."""
