"""Job of `tl-keras zero-shot`.

- classifier: the zero-shot classifier of each method, on features of an encoder
- described_images: reads images, their descriptions, and the classes to learn without
- figures: accuracies among unseen classes and among all, for files, lines and page
- zero_shot: `tl-keras zero-shot`: classes without training images, recognised by descriptions
"""
