"""The generative adversarial network and its parts.

- adversarial_steps: training step: first the discriminator, then the generator
- collapse: warns of a generator whose samples become nearly identical
- dcgan: convolutional generator and discriminator, for image sizes that can be halved repeatedly
- gan: the generative adversarial network
- inputs: converts images and labels to the inputs of the networks
- losses: losses of the generator and the discriminator
- networks: checks of custom generators and discriminators, and the encoder in a discriminator
- sampling: images from a trained generator
- weight_average: exponential moving average of a model's weights, held by a second model
"""
