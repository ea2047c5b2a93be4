"""Gradient descent: the compiled loop, the optimizers, the starts and what becomes of them; rates and basins."""
