"""What makes TensorBoard show nothing or the wrong thing."""
