"""Garments, shoes and hair made from the shipped body's own surface; nothing else is needed to dress it."""

from avatars.people.tailor.garment import Cut, Garment, Sewn, wear

__all__ = ["Cut", "Garment", "Sewn", "wear"]
