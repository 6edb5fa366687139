"""Numerical operations: each file has a plain torch twin (specification, oracle, fallback) and wraps the native op."""
