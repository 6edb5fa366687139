"""A picture of who was found in a photo, to choose from."""

from collections.abc import Sequence

from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont
from torch import Tensor

from avatars.perception.group import FoundPerson

_COLORS = ("#e6194b", "#3cb44b", "#4363d8", "#f58231", "#911eb4", "#008080")
_LABEL = 0.06  # of the photo's longer side
_LINE = 0.004


def numbered_preview(image: UInt8[Tensor, "h w 3"], persons: Sequence[FoundPerson]) -> Image.Image:
    """The photo with a box around each person and its number, 1 for the first, in the box's upper left corner.

    Args:
        image: sRGB.
        persons: In the order of their numbers.
    """
    picture = Image.fromarray(image.cpu().numpy())
    draw = ImageDraw.Draw(picture)
    long_side = max(picture.size)
    font = ImageFont.load_default(max(10.0, _LABEL * long_side))
    for number, person in enumerate(persons, 1):
        box, color = person.box, _COLORS[(number - 1) % len(_COLORS)]
        edges = (box.left, box.top, box.right - 1, box.bottom - 1)
        draw.rectangle(edges, outline=color, width=max(1, round(_LINE * long_side)))
        label = draw.textbbox((box.left, box.top), f" {number} ", font=font, anchor="lt")
        draw.rectangle(label, fill=color)
        draw.text((box.left, box.top), f" {number} ", font=font, fill="white", anchor="lt")
    return picture
