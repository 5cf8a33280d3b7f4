"""Images in: sources, splits, checks, augmentation and tf.data pipelines."""
