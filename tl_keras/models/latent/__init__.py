"""Autoencoders, plain and variational.

- autoencoder: the autoencoder: images through a bottleneck and back
- image_networks: encoders and decoders of images, dense or convolutional
- importance: importance-weighted bound from any number of samples, a few at a time
- latent_model: base class of the autoencoder and the variational autoencoder
- likelihoods: log likelihood of images in nats, given logits, and the cost of a code
- vae: the variational autoencoder
"""
