"""The job of `tl-keras compare`.

- compare: `tl-keras compare`: which way of training is better, and from how many labels on
- data: the pictures of a comparison: the same for every method, and what is set aside of them
- methods: the methods of a comparison: what each is called and how it trains a classifier
- pretraining: encoders that a comparison pretrains on its own pictures without their labels, each
  once
- report: summary.csv, metrics.json and the page of a comparison
- results: results.csv and correct.npz: each run is there as soon as it is over, and after a kill
  too
- runner: trains the methods of a comparison, all on the same terms
"""
