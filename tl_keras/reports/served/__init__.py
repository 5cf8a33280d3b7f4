"""Pages that a browser on this machine works with: a local site, for this user alone.

- guard: refuses requests without the token, or from another site
- image_files: images of a data set as bytes that a browser shows
- local_site: a page, its script and the images of a data set, as a Flask application
- serving: listens on loopback until the command is stopped
"""
