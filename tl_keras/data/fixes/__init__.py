"""Corrections of labelled images that a person accepted.

- applying: applies them to the images of a source
- fixes_file: reads and writes fixes.csv
"""
