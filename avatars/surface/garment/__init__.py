"""Clothes and hair that leave the body.

What a mask holds beyond the dressed body becomes surfaces around the body's parts (`make_garment`): a hull around both
legs for skirts and closed coats, a sheet for an open coat, a curtain for hair, a tube for a wide sleeve or trouser leg.
`join` makes one surface of them and of what they leave uncovered, `posed_from_rest` carries it into a pose.
"""

from avatars.surface.garment.garment import Garment, make_garment
from avatars.surface.garment.join import DressedSurface, join, posed_from_rest

__all__ = ["DressedSurface", "Garment", "join", "make_garment", "posed_from_rest"]
