"""Records to bytes and back: TensorBoard's event files, without TensorFlow."""
