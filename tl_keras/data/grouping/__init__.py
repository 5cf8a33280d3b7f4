"""Images that belong together and must not be divided among splits.

- copies: pairs and groups of images that are the same, or nearly
- grouped_splits: cuts images into splits without dividing a group
- groups: groups by copies, or by a regular expression over the path
- parts: groups the images of that part of a source which is cut into splits
"""
