"""Safe loading of saved models from any source.

- finite_weights: refuses saved weights that are NaN or infinite
- hdf5_safety: refuses HDF5 files with links out of the file or with false sizes
- safe_config: limits on the classes and sizes in a saved model's configuration
- saved_models: loads `.keras` files from any source, without running foreign code
- saved_seeds: random numbers that continue after loading where they stopped before saving
- variable_limit: limit on the memory of variables while a model is built from its configuration
"""
