"""Networks from images to features, and their weights.

- applications: table of bases in `keras.applications`: constructor, preprocessing and sizes
- backbone: builds backbones: RGB 0-255 images in, features out, preprocessing inside
- imagenet_files: names, addresses and hashes of the ImageNet weights of `keras.applications`
- imagenet_weights: finds ImageNet weights in the Keras cache and downloads them
- normalised_convolution: convolution with batch normalisation, the part of small networks
- small_resnet: a residual network for small images, lean enough for a few CPU cores
- standardised: encoders whose features have mean 0 and variance 1
- untrained: control of a trained encoder: a copy of the network with random weights
- weights_files: strict reading of weights files: everything fits or nothing is loaded
"""
