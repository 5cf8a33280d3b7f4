"""Figures, all in one style.

- answer_figures: figure of the answers of a model: error by share answered
- comparison_figures: figures of a comparison: accuracy by number of labels and by time
- grid_callback: callback that saves image grids during training and a film strip at the end
- heatmap_overlay: a heatmap laid over its image
- image_grids: grids and film strips of many small images
- image_map: images on the cells of a grid, framed in the colours of their clusters
- prediction_figures: figures of predictions: confusion matrix and reliability
- pretraining_figures: figures of a pretraining: curves, and codes of images in a plane
- pseudo_label_figures: figure of a training with pseudo-labels
- rate_figures: figure of a range test for the learning rate
- style: style of all figures: colours, fonts, axes, and names that any font can draw
- training_figures: figures of a training run: learning curves, a comparison, sample images
"""
