"""Models: backbones, heads and one file per method."""
