"""Features of images for the jobs that look at them.

- encoder_features: features of images from a backbone, an encoder of a run, or pixels
- kept_features: features of a backbone, kept by image between commands
"""
