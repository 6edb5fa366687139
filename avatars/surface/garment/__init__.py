"""Clothes and hair that leave the body.

What a mask holds beyond the dressed body becomes surfaces around the body's parts (`make_garment`): a hull around both
legs for skirts and closed coats, a sheet for an open coat, a curtain for hair, a tube for a wide sleeve or trouser leg.
`garment_from_rest` carries them into a pose. `avatars.surface.dressed` joins them with the body.
"""

from avatars.surface.garment.garment import Garment, make_garment
from avatars.surface.garment.pose import garment_from_rest

__all__ = ["Garment", "garment_from_rest", "make_garment"]
