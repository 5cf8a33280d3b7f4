"""Job of `tl-keras explore`.

- explore: `tl-keras explore`: a look into images without labels
- features: features of images for `explore`: from a backbone, an encoder of a run, or pixels
"""
