"""The gradients of real training: what is measured inside the training step, what is said of it, and where it goes."""
