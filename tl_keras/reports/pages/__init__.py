"""HTML pages in one file each.

- check_page: findings about labelled images, by kind, with thumbnails
- comparison_page: page of a comparison: verdict, figures and conditions
- explore_page: page of `explore`: map, clusters, repeats and outliers of images without labels
- few_shot_page: page of a few-shot run: support, accuracy, least certain queries
- pretraining_page: page of a pretraining: results and figures
- recommend_page: page of `recommend`: ranking of strategies, and reasons
- results: results that the jobs hand over, from which their pages are made
- training_page: page of a training run: accuracy, evidence and usage
- zero_shot_page: accuracies, confusion, attributes and examples of a zero-shot run
- enough_page: page of `enough`: learning curve, its continuation, classes that need labels
"""
