"""Checks of images before training: damaged files, duplicates and wrong ranges.

- checking: opens every image before training, with the decoder that training uses
- fingerprints: finds the same image, or nearly the same, in two splits or in one
- first_batch: checks the first batch of a user's `tf.data.Dataset` when it is read
- near_duplicates: finds nearly identical images among very many, in bounded memory
- nearest_rows: exact search for the most similar rows of a matrix, in bounded memory
- registration: aligns small grey images and measures the agreement of their details
"""
