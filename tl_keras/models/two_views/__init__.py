"""Methods that learn from two random views of each image.

- contrast: the contrastive loss: each view is to find its positives among all other views
- embedding_spread: notices embeddings that have become alike, whatever the image
- simclr: simCLR: two views of an image find each other among the views of others
- simsiam: simSiam: each view predicts the other, and a stopped gradient keeps them from collapse
- supcon: supCon: views of images of one class find each other
- two_view_model: what the methods have in common that learn from two random views of each image
- vicreg: VICReg: views agree, numbers of the embedding vary and do not repeat each other
- view_inputs: what a Keras user gives to `fit` of a model that learns from two views, as batches
  of pairs
"""
