"""Completion by a network, which mends what the rules have painted: see `avatars.surface.learned.completion`."""
