"""Numerical operations: each file opens with a plain torch twin (specification, oracle, fallback) and wraps the native op."""
