"""Where hanging hair is."""

import numpy as np

from avatars.surface.garment.hair import HairConfig, _Curtain
from avatars.surface.garment.tube import Sections, Tube, even_azimuths


def test_hair_on_the_back_is_no_cape_where_shoulders_are_broad():
    """What broad shoulders push outwards behind is left out where the photo shows no hair so far from the neck."""
    azimuths, heights = even_azimuths(96), np.array([0.45, 0.30, 0.15])
    body = Sections(heights[::-1].copy(), azimuths, np.full((3, 96), 0.05))
    radii = np.full((3, 96), 0.12)
    radii[2] = 0.30
    tube = Tube((0.0, 0.0), azimuths, np.broadcast_to(heights[:, None], radii.shape), radii, np.ones((3, 96), bool))
    present = _Curtain(body, 0.5, 0.25, 0.10, HairConfig()).present(tube)
    beside = np.abs(radii * np.sin(azimuths))
    behind = np.abs(azimuths) > HairConfig().back
    assert present[1].sum() > 50
    assert present[2][behind & (beside[2] < 0.11)].all()
    assert not present[2][beside[2] > 0.13].any()
