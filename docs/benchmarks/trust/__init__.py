"""Claims held against counts: promised errors, novelty, verdicts and resumed runs."""
