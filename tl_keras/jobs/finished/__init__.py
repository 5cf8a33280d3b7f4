"""Jobs that start from a finished run.

- evaluate: figures of its classifier on labelled images
- demo: a page that shows what the classifier makes of an image
- image_answers: classes, heatmap and similar training images of one image
- predict: classes of new images
- heatmap_files: heatmaps of predictions, one image file each
- export: the classifier in another format
- export_examples: programs that are written beside an export
- distill: a small network that learns from it
- prune: a smaller network with its accuracy
"""
