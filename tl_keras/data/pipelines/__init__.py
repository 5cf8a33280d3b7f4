"""Batches of images for `fit`, and what happens to them on the way.

- augmentation: random changes of training images that depend on nothing but (seed, epoch, index)
- augmentation_presets: what each augmentation does, as numbers. Loads no TensorFlow
- batches: batches of images for `fit`, `evaluate` and `predict`, fixed by (seed, epoch, index)
- mixing: training examples mixed in pairs, labels too: blended (mixup) or cut into each other
  (CutMix)
- two_views: two random views of each image, fixed by (seed, epoch, index)
- unlabelled_views: batches of labelled images, each with several unlabelled ones in a weak and a
  strong view
"""
