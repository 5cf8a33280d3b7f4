"""Autoencoders, plain and variational.

- autoencoder: the autoencoder: images through a bottleneck and back
- image_networks: encoders and decoders: from images to numbers and back, dense or convolutional
- importance: the importance-weighted bound from any number of samples, a few at a time
- latent_model: what the autoencoder and the variational one have in common: images to numbers
  and back
- likelihoods: how likely images are under a decoder's logits, in nats, and what a code costs
- vae: the variational autoencoder
"""
