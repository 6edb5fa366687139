"""Poses of pictures that have none, by COLMAP: a folder of photos or a video becomes a capture on the disk."""

from nfield.data.posing.search import MOST_FRAMES, Posed, find_poses, lacks_poses
from nfield.data.posing.watch import Watch

__all__ = ["MOST_FRAMES", "Posed", "Watch", "find_poses", "lacks_poses"]
