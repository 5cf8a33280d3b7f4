"""Parts of models that have their own training step.

- counted_epochs: count of epochs over all calls of `fit`
- divergence: callback that stops at a non-finite loss and restores the last good weights
- encoder_model: models whose result is an encoder of images
- own_loss: models with their own loss, identical in training and validation, on any replicas
- random_numbers: stateless random numbers that differ on each replica
- replicas: exchange between replicas in a training step
- rgb_inputs: shape of image inputs, and RGB for networks that take one channel
"""
