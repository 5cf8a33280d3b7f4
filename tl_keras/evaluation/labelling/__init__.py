"""Labelling of images without labels: the next image to ask for, and guesses for the others.

- labelling: answers so far, the head fitted on them, and the images to ask for next
- next_images: choice of images by what their labels would tell about the others
- head: linear classifier on features, fitted in milliseconds
- forecast: accuracy that more labels will bring
"""
