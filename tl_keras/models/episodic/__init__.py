"""Models that learn from episodes, and then a class from a few examples.

- character_encoders: encoders of small drawings: four convolutions, or four residual blocks
- episode_inputs: converts inputs of `fit` to batches of episodes
- episodic_model: base class for models that learn from episodes and are given a support set
- fitted_classifier: a backbone with a last layer whose weights were fitted on its features
- prototypical: a query belongs to the class whose mean feature is nearest
"""
