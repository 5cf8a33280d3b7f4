"""Documentation, and the benchmarks behind its figures."""
