"""Benchmarks, run by `nfield bench`: ratios of medians of one interleaved run, as machines are shared and noisy."""
