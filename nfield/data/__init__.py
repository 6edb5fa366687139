"""Posed images: files, analytic scenes, and the region of the world that they show."""
