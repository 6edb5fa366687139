"""Signed distances of meshes: reading them, training a field on them, measuring, drawing and exporting it."""
