"""What is differentiated: formulas, the catalogue, and Python functions."""
