"""The generative adversarial network and its parts.

- adversarial_steps: the training step of a GAN: the discriminator learns, then the generator
- collapse: notices a generator whose samples have become alike
- dcgan: the convolutional generator and discriminator of `GAN`, for any size that halves often
  enough
- gan: the generative adversarial network
- inputs: images and labels as the networks of a GAN take them
- losses: what the generator and the discriminator of a GAN minimise
- networks: which generators and discriminators fit each other, and the encoder in a discriminator
- sampling: images from a trained generator
- weight_average: an exponential moving average of a model's weights, held by a second model
"""
