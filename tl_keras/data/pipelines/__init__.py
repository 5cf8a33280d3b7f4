"""Batches of images for `fit`: order, augmentation, mixing and views.

- augmentation: random changes of training images that depend on (seed, epoch, index) alone
- augmentation_presets: settings of each augmentation; loads no TensorFlow
- batches: batches of images for `fit`, `evaluate` and `predict`, fixed by (seed, epoch, index)
- deformations: random affine and elastic deformations of handwritten characters
- episode_batches: batches of episodes for `fit`, fixed by (seed, epoch, index)
- episodes: small tasks of a few classes with a support set and queries, drawn by (seed, index)
- mixing: examples and labels mixed in pairs: blended (mixup) or cut into each other (CutMix)
- position: place at which the training pipelines of a resumed fit begin
- spectrogram_augmentation: random changes of spectrograms: speaker, speed, microphone, masks
- two_views: two random views of each image, fixed by (seed, epoch, index)
- unlabelled_views: batches of labelled images, each with several unlabelled ones in a weak and a
  strong view
"""
