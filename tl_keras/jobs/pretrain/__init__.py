"""The job of `tl-keras pretrain`.

- data: the pictures of a pretraining: every split as an array of one size, with labels or without
- encoders: the encoder that learns from two views, and the size in which it sees pictures
- fit: trains the model of a pretraining, and takes from it the encoder that others build on
- measures: held-out figures of a pretraining: reconstruction, likelihood, and the quality of
  samples
- models: the model that a pretraining asks for, and what is decided by the data
- pictures: the pictures of a pretraining's page: reconstructions, samples, ways between them, codes
- pretrain: `tl-keras pretrain`: pictures in, labels or not; an encoder and a page out
- probes: what the encoder of a pretraining knows of the classes, where there are labels to ask with
- report: the page of a pretraining
- views: the pictures of a page on learning from two views: what it was taught, what looks alike to
  it
"""
