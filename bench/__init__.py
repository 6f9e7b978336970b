"""Benchmarks: ratios to a baseline in the same run, against the targets of the design; never timed tests."""
