"""Parts of `tl-keras check`.

- check: images as training would find them, without training
"""
