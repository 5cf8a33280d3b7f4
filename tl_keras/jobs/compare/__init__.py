"""The job of `tl-keras compare`.

- compare: `tl-keras compare`: trains every method with every number of labels
- data: images of a comparison, the same for every method
- methods: methods of a comparison: their names and their networks
- pretraining: encoders that a comparison pretrains on its own images without labels
- report: summary.csv, metrics.json and the page of a comparison
- results: results.csv and correct.npz, written after each run
- runner: trains the methods of a comparison under equal conditions
"""
