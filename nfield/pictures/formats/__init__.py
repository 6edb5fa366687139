"""Formats of fitted pictures: importing this room registers them."""

from nfield.pictures.formats import compact, png

__all__ = ["compact", "png"]
