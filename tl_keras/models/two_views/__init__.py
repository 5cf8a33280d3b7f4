"""Methods that learn from two random views of each image.

- barlow_twins: Barlow Twins: dimensions of the embedding agree between views, decorrelated
- contrast: contrastive loss: each view identifies its positives among all other views
- embedding_spread: spread of embeddings, and a warning if they collapse
- simclr: SimCLR: each view identifies the other view of its image among those of other images
- simsiam: SimSiam: each view predicts the other; a stopped gradient prevents collapse
- supcon: SupCon: views of images of one class attract each other
- two_view_model: base class for methods that learn from two random views of each image
- vicreg: VICReg: views agree; dimensions of the embedding vary and are decorrelated
- view_inputs: converts inputs of `fit` to batches of pairs of views
"""
