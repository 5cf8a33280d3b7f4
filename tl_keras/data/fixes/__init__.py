"""Corrections of labelled images that a person accepted.

- applying: applies them to the images of a source
- finding: finding about images, with the corrections that would mend it
- fixes_file: reads and writes fixes.csv
"""
