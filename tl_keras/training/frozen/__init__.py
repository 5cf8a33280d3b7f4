"""The frozen part of a classifier: which it is, and what it gives, kept.

- cache_room: room for cached images and features, and the choice of what fits into it
- cutting: cuts a model where its frozen part ends, so that the frozen part need run only once
- feature_cache: what a training phase reads: pictures, or the cached output of the frozen part on
  them
- feature_store: keeps what frozen parts gave, so that several trainings on the same pictures share
  it
- freezing: which layers of a classifier train: freezing and unfreezing its backbone
"""
