"""Classifiers that answer, or leave an image to a person.

- answering_model: model with the outputs probabilities, novelty and answer
- local_distance: distance of features to the nearest training images, relative to theirs
"""
