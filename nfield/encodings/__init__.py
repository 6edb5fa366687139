"""Encodings: points of the unit cube to features."""
