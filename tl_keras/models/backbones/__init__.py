"""Networks from images to features, and their weights.

- applications: the table of bases in `keras.applications`: constructor, pixel preprocessing and
  sizes
- backbone: backbones: RGB 0-255 images in, features out, preprocessing inside
- imagenet_files: which files the ImageNet weights of `keras.applications` are: name, address and
  hash
- imagenet_weights: imageNet weights in the Keras cache: whether they are there, and downloading
  them whole
- small_resnet: A residual network for small images, lean enough to learn without labels on a few CPU
  cores
- standardised: encoders whose features have mean 0 and variance 1, so that a new head learns on
  them at once
- untrained: the honest control of a trained encoder: the same network with random weights
- weights_files: strict reading of weights files: everything fits or nothing is loaded
"""
