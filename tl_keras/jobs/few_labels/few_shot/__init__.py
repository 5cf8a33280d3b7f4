"""Job of `tl-keras few-shot`.

- encoder: the encoder of a few-shot run, and the metric that suits its features
- few_shot: `tl-keras few-shot`: a classifier from a few images of each class, in seconds
- queries: predictions of query images, their classes by folder, and those that are support images
- support: reads the support set
"""
