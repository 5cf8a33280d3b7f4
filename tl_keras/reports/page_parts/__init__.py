"""Parts of which every page is made.

- answer_section: section on the answers with a promised error
- html: writes pages in one HTML file: no script, no network, names escaped, images inlined
- sections: declared content of a page: sections of texts, tables, figures and images
- thumbnails: small images for a page
- use_section: last section of the page of a training run: use of its classifier
"""
