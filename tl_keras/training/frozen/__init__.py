"""Frozen part of a classifier, and its features in a cache.

- cache_room: room for cached images and features, and the choice of what fits into it
- feature_cache: data of a training phase: images, or cached features of the frozen part
- feature_store: features that several trainings on the same images share
- freezing: freezing and unfreezing the layers of a backbone
- kept_features: features of a run that was killed, used again when it is resumed
- spread_pass: one pass of a frozen part over batches, spread over the replicas of its strategy
"""
