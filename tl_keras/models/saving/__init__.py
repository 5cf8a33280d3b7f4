"""Saved models from anywhere, loaded without harm.

- hdf5_safety: what an HDF5 file must not hold: links out of itself and sizes that are not there
- safe_config: which classes and sizes a saved model's configuration may name
- saved_models: loading `.keras` files that may come from anywhere: no foreign code, no bombs, no
  surprises
- saved_seeds: random numbers that go on after loading where they stopped before saving
- variable_limit: A limit on the memory that variables take while a model is made from its
  configuration
"""
