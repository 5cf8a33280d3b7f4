"""Figures, all in one style.

- comparison_figures: figures of a comparison of methods: accuracy against labels, and against time
- grid_callback: images of a model while it learns: a grid every few epochs and a film strip at
  the end
- image_grids: many small images as one: grids of samples and film strips of how they became
- image_map: images on the places of a grid, framed in the colours of their groups
- prediction_figures: figures of predictions: what is confused, and how far confidence can be
  trusted
- pretraining_figures: figures of a pretraining: its curves, and codes of images in a plane
- pseudo_label_figures: the figure of a training with pseudo-labels
- rate_figures: the figure of a range test for the learning rate
- style: one look for all figures: colours, letters, axes, and names that any font can draw
- training_figures: figures of a training run: learning curves, a comparison, sample images
"""
