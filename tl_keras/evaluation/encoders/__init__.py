"""What encoders know: probes, clusters, neighbours.

- approximate_neighbours: nearest rows among very many, by an index that looks at a part of them
- clusters: groups in features that nobody named, and how well they agree with classes if there are
  any
- distances: distances between many vectors, a block at a time, so that no large matrix stands in
  memory
- embedding_watch: tells in each epoch whether an encoder that trains without labels is learning
  something
- feature_space: features of many images made comparable: which lie together, alone, or on top of
  each other
- grid_places: points of a plane moved to the places of a grid, so that images there hide none
- latent_plane: codes of images as points in a plane
- leave_one_out: probes of one small labelled set: each image is judged by all the others. Cheap,
  for curves
- probe_table: what encoders know of the classes, beside controls that learned nothing or next to
  nothing
- probes: how much of the classes stands in features: a linear classifier and nearest neighbours
"""
