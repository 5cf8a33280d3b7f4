"""HTML pages in one file each, and their wording.

- comparison_page: page of a comparison: verdict, figures and conditions
- comparison_wording: verdicts of a comparison, as far as the intervals support them
- explore_page: page of `explore`: map, clusters, repeats and outliers of images without labels
- html: writes pages in one HTML file: no script, no network, names escaped, images inlined
- pretraining_page: page of a pretraining: results and figures
- pretraining_wording: wording of the results of a pretraining
- results: results that the jobs hand over, from which their pages are made
- sections: declared content of a page: sections of texts, tables, figures and images
- thumbnails: small images for a page
- training_page: page of a training run: accuracy, evidence and usage
- training_wording: wording of the results of a training run
- wording: plain sentences for numbers
"""
