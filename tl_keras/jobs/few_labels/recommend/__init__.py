"""Job of `tl-keras recommend`.

- following: choice of the strategy of a training by `tl-keras train --policy auto`
- recommend: `tl-keras recommend`: descriptors, ranking and page
- times: estimated seconds of each strategy
"""
