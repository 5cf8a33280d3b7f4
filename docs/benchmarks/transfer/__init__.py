"""Transfer learning: accuracy on real tasks, and speed beside plain Keras."""
