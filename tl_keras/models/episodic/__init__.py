"""Models that learn from episodes, and then a class from a few examples.

- character_encoders: encoders of small drawings: four convolutions, or four residual blocks
- episode_inputs: converts inputs of `fit` to batches of episodes
- episodic_model: base class for models that learn from episodes and are given a support set
- prototypical: a query belongs to the class whose mean feature is nearest
"""
