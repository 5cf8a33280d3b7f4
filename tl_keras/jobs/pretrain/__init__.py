"""The job of `tl-keras pretrain`.

- data: images of a pretraining: every split as an array of one size
- encoders: the encoder that learns from two views, and its image size
- episode_results: accuracy over episodes of test images, and the figure of one
- episodes: tasks that a pretraining on episodes learns from, and those that judge it
- figures: figures of the page: reconstructions, samples, interpolations, codes
- fit: trains the model of a pretraining and builds the encoder from it
- measures: held-out figures: reconstruction, likelihood, quality of samples
- models: builds the model, and decides by the data what the settings leave open
- pretrain: `tl-keras pretrain`: trains on images, writes an encoder and a page
- probes: accuracy of probes on the encoder's features, where there are labels
- report: the page of a pretraining
- views: figures of the page of methods with two views: views, nearest neighbours
"""
