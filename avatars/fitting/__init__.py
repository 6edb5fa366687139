"""Fitting an avatar to its photo."""
