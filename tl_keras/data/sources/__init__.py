"""Sources of images: folders, arrays, named datasets, drawn letters and shapes.

- arrays: reads .npy and .npz files that may be damaged or hostile
- class_descriptions: descriptions of classes by attributes or word vectors, from a CSV table
- folders: finds images in folders: a sub-folder per class, with or without train, val and test
- label_rows: rows of labels.csv, one for each answer of a person
- labels_file: images with the labels of a file, such as labels.csv
- letters: draws letters, a source task that needs no download
- omniglot: handwritten characters of many alphabets, a folder or .zip file as published
- named: datasets with a name, e.g. "digits"
- shapes: draws coloured, textured shapes, whose attributes are known
"""
