"""Networks that are trained from scratch.

- baseline: base class: pixels in, a row of layers, classes out
- cnn: convolutional networks of textbook size
- dropout: dropout with a fast random mask
- mlp: the multilayer perceptron
- rnn: recurrent networks that read an image row by row
"""
