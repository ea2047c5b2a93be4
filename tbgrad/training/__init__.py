"""Watches the training of Keras models: what is measured of the true training step, and what is wrong with it."""
