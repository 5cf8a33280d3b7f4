"""Where images come from: folders, arrays, named data sets and drawn letters.

- arrays: reading .npy and .npz files that may be damaged or hostile
- folders: folders of images: a sub-folder for each class, with or without train, val and test
- letters: drawn letters: a source task that needs no download
- named: datasets that are known by a name
"""
