"""Image sets packed in a few large files, for data beyond memory and beyond one disk.

- layout: names and types of the files of a shard folder
- reading: images of a shard folder, read in blocks
- writing: packs the images of any source into shards
"""
