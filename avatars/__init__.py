"""Animatable avatars from one photo: perception, body, warp, fit."""
