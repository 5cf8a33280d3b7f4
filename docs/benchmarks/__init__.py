"""Benchmarks, in a folder for each subject: `python -m docs.benchmarks` lists them."""
