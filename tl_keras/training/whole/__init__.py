"""Training every layer of a model.

- compatibility: trains a compatibility model, with the penalty chosen over classes
- described_encoder: trains a small encoder on images of described classes
- distillation: trains a small student on the predictions of a teacher, computed once
- distiller: model that learns from the predictions of a teacher and from labels
- fix_match: model that learns from its own confident predictions for images without labels
- from_scratch: trains a whole network from random weights, fast for small networks and small images
- magnitudes: prunable kernels, masks of their smallest weights, and sizes of a model
- on_episodes: trains a model on episodes, recorded where the run has checkpoints
- pruning: sets the smallest weights to zero, little by little, while the others are trained on
- pseudo_labels: trains a classifier on few labelled images and many without labels
- whole_model: one phase that trains all of a model
- without_labels: trains on images alone, or on two views of each, fast for small networks
"""
