"""Job of `tl-keras recommend`.

- kept_features: features of a backbone, kept between commands
- recommend: `tl-keras recommend`: descriptors, ranking and page
- times: estimated seconds of each strategy
"""
