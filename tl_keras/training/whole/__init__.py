"""Training every layer of a model.

- distillation: from a teacher to a small student, the teacher asked once
- distiller: A student that learns from what a teacher says, and from labels where there are any
- fix_match: fixMatch: a classifier teaches itself on pictures without labels where it is sure
- from_scratch: training a whole net from random weights, made fast for small nets and small
  pictures
- magnitudes: which weights pruning may take, which of them are the smallest, and what a model
  weighs
- pruning: magnitude pruning: the smallest weights go, little by little, and the others make up for
  it
- pseudo_labels: from few labelled pictures and many others to a classifier
- whole_model: training every layer of a model: from scratch, under a teacher, or while it is pruned
- without_labels: training on pictures alone, or on two views of each, made fast for small nets
"""
