"""Networks that are trained from scratch.

- baseline: what the nets trained from scratch have in common: pixels in, a row of layers, classes
  out
- cnn: convolutional nets of textbook size
- mlp: the multilayer perceptron
- rnn: recurrent nets that read a picture row by row
"""
