"""Formats of fields of distances: importing this room registers them."""

from nfield.shapes.formats import mesh

__all__ = ["mesh"]
