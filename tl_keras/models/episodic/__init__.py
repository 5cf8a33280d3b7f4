"""Models that learn from episodes, and then a class from a few examples.

- character_encoders: encoders of small drawings: four convolutions, or four residual blocks
- episode_inputs: converts inputs of `fit` to batches of episodes
- episodic_model: base class for models that learn from episodes and are given a support set
- fitted_classifier: a backbone with a last layer whose weights were fitted on its features
- maml: weights from which a few steps of gradient descent on a support set go far
- meta_model: base class for models that adapt all weights by steps of gradient descent
- prototypical: a query belongs to the class whose mean feature is nearest
- reptile: weights that lie near the best weights of many tasks
- twice_differentiable: a network with given weights, whose gradients can be differentiated again
"""
