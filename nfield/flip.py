"""FLIP: how different two pictures look to somebody who flips between them."""

import numpy as np
import torch
from jaxtyping import Float
from torch import Tensor

from nfield.errors import BackendUnavailable

PIXELS_PER_DEGREE = 67.0
"""Of FLIP's viewer: 0.7 m before a screen 0.7 m wide with 3840 pixels."""


def flip_map(image: Float[Tensor, "h w 3"], reference: Float[Tensor, "h w 3"]) -> Float[Tensor, "h w"]:
    """FLIP of each pixel (Andersson et al. 2020), in [0, 1], at `PIXELS_PER_DEGREE`; 0 where nothing differs.

    Args:
        image: sRGB in [0, 1].
        reference: sRGB in [0, 1].

    Raises:
        BackendUnavailable: The package flip-evaluator is missing.
    """
    require_flip()
    import flip_evaluator

    true, ours = (np.ascontiguousarray(picture.float().numpy()) for picture in (reference, image))
    options = {"ppd": PIXELS_PER_DEGREE}
    error, _, _ = flip_evaluator.evaluate(true, ours, "LDR", inputsRGB=True, applyMagma=False, parameters=options)
    return torch.from_numpy(np.array(error[..., 0]))


def require_flip() -> None:
    """Says so at once where FLIP cannot be measured.

    Raises:
        BackendUnavailable: The package flip-evaluator is missing.
    """
    try:
        import flip_evaluator  # noqa: F401 (only whether it is there)
    except ImportError as error:
        raise BackendUnavailable(
            "FLIP is measured by the package flip-evaluator, which is missing; install it with: "
            "pip install 'nfield[bench]'"
        ) from error
