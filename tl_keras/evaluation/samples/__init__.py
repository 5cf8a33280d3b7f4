"""Quality of generated and reconstructed images.

- frechet: Fréchet distance between two sets of features
- manifolds: precision and recall of generated images
- outliers: outlier scores of images from an autoencoder or a VAE
- reconstruction: reconstruction errors of PCA and of the mean image, as baselines
- sample_quality: metrics of generated images in the features of a small classifier
"""
