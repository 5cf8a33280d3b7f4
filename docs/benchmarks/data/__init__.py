"""Images as `check`, `explore` and `shard` handle them."""
