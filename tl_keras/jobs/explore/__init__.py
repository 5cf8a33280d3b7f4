"""Job of `tl-keras explore`.

- explore: `tl-keras explore`: a look into images without labels
"""
