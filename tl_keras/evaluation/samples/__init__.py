"""How good generated and reconstructed images are.

- frechet: the Fréchet distance between two clouds of features
- manifolds: precision and recall of samples: how many look real, and how much of the real is
  covered
- outliers: how odd images are to an autoencoder or a VAE that was trained on others
- reconstruction: how well images are given back from few numbers, beside what a linear method
  makes of them
- sample_quality: how good generated images are, in the eyes of a small classifier of the same
  data
"""
