"""Accuracy over episodes, and baselines that need no training.

- accuracy: accuracy of anything with `fit_support` and `predict`, episode by episode
- hausdorff: nearest image by the modified Hausdorff distance of the ink
- on_features: nearest prototype on the features of an encoder, with augmented copies
- pixels: nearest image by pixels
- standard_runs: runs of Omniglot's one-shot test, a folder a run
"""
