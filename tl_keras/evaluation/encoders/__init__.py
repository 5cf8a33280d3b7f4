"""Evaluation of encoders: probes, clusters and neighbours.

- approximate_neighbours: nearest rows among very many, by an index
- clusters: clusters of features, and their agreement with classes
- distances: distances between many vectors, block by block in bounded memory
- embedding_watch: callback that measures the features of an encoder in each epoch
- feature_space: normalised features: directions, neighbours and close pairs
- findings: clusters, repeats, outliers and a map of images without labels
- grid_places: assignment of points of a plane to grid cells, so that no images overlap
- groups: large groups, clusters, and parts of clusters; the number of clusters shown first
- latent_plane: projection of codes to a plane
- leave_one_out: fast probes of one small labelled dataset by leave-one-out
- probe_table: table of probes of encoders and of controls
- probes: linear and nearest-neighbour classifiers on fixed features
"""
