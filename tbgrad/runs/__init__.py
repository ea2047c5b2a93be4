"""A run's directory, and the board that shows it."""
