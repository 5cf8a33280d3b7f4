"""Networks that are trained from scratch.

- baseline: what the networks trained from scratch have in common: pixels in, a row of layers, classes
  out
- cnn: convolutional networks of textbook size
- mlp: the multilayer perceptron
- rnn: recurrent networks that read an image row by row
"""
