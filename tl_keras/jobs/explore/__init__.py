"""The job of `tl-keras explore`.

- explore: `tl-keras explore`: what is in pictures that nobody has labelled
- features: what `explore` looks at pictures with: a backbone, an encoder of a run, or no net at all
- findings: what there is to find in pictures that nobody labelled: groups, repeats, odd ones, a map
- report: the page of `explore`, and its table
"""
