"""Trains the completion network on people that `avatars.crowd` makes: `python -m assets.build.completion`."""
