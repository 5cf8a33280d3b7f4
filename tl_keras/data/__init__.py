"""Loading of images: sources, splits, checks, augmentation and tf.data pipelines."""
