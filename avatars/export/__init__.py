"""Avatars for other tools: rigged meshes, meshes and splats of a pose, films.

`formats` holds one file a format; importing it registers them all with `nfield.export`.
"""
