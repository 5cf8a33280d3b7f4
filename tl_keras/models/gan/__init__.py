"""The generative adversarial network and its parts.

- collapse: warns of a generator whose samples become nearly identical
- dcgan: convolutional generator and discriminator, for image sizes that can be halved repeatedly
- gan: the generative adversarial network
- inputs: inputs of the networks: images, labels and paths between latent points
- losses: losses of the generator and the discriminator
- networks: checks of custom generators and discriminators, and the encoder in a discriminator
- weight_average: exponential moving average of a model's weights, held by a second model
"""
