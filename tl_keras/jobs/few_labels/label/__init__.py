"""Job of `tl-keras label`.

- answers: labels given so far, each on the disk before it counts
- class_names: names of classes, typed or found as folders
- guesses: guesses by names of classes, and the images to ask for
- image_groups: groups of similar images, from which many are labelled at once
- label: `tl-keras label`: features, page and labels.csv
- label_folder: run folder with the labels of a folder of images
- watched_files: images whose files changed or disappeared since they were read
- outlook: forecast of the accuracy with more labels, computed beside the answers
- session: questions and answers of all browsers that show the page
"""
