"""Pages in one HTML file each, and their words.

- comparison_page: the page of a comparison: the verdict, the figures behind it, and on which terms
- comparison_wording: verdicts of a comparison, as strong as the intervals allow and no stronger
- explore_page: the page of `explore`: a map, groups, repeats and odd ones of images without
  labels
- html: pages in one HTML file: no script, no network, every name escaped, images inlined
- pretraining_page: the page of a pretraining: what was learned, to be looked at, and the figures
  beside it
- thumbnails: small images for a page
- training_page: the page of a training run: how good the model is, why to believe it, how to use it
- wording: plain sentences for numbers
"""
