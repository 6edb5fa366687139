"""Benchmarks, run by `nfield bench`: ratios and medians of one interleaved run, because machines are shared and noisy."""
