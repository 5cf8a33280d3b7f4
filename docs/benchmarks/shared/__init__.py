"""Parts that several benchmarks use: the page, results, data, timing and processes."""
