"""Models that learn from episodes, and then a class from a few examples.

- conv4: encoder of four convolutions on which methods of a few examples are compared
- episode_inputs: converts inputs of `fit` to batches of episodes
- episodic_model: base class for models that learn from episodes and are given a support set
- prototypical: a query belongs to the class whose mean feature is nearest
"""
