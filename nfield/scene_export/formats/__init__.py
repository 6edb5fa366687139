"""The formats in which scenes are exported, one file each; importing this registers them."""

from nfield.scene_export.formats import cameras, mesh, pointcloud, splats

__all__ = ["cameras", "mesh", "pointcloud", "splats"]
