"""Scenes for other tools: cameras, meshes and points, in the world of the user's files."""
