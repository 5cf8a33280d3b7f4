"""What is wrong with images before anything is trained: damage, duplicates, wrong ranges.

- checking: opening every image before anything is trained, with the decoder that training uses
- fingerprints: finding the same image, or nearly the same, in two splits or in one
- first_batch: A look at the first batch of somebody's `tf.data.Dataset`, as it passes
- near_duplicates: finding images that show nearly the same, among very many, in bounded memory
- nearest_rows: exact search for the most alike rows of a matrix, in blocks, so that memory stays
  small
- registration: laying small grey images over others, and telling how well their details then agree
"""
