from dataclasses import replace

import pytest
import torch

from avatars.surface.limbs import LIMBS, NAMES
from avatars.surface.strays import without_strays
from avatars.surface.texels import Texels

_SKIN, _BLUE, _LEATHER = torch.tensor([0.85, 0.62, 0.52]), torch.tensor([0.1, 0.15, 0.6]), torch.tensor([0.1, 0.1, 0.1])
_EACH = 800
_FACE, _HIP, _HAND = (slice(k * _EACH, (k + 1) * _EACH) for k in range(3))


def _texels(limb: str = "left leg") -> Texels:
    """A face and a bare hand, of skin, and a limb in blue, whose last quarter lies beside the hand."""
    count = 3 * _EACH
    member = torch.zeros(count, len(LIMBS))
    member[_FACE, NAMES.index("head")], member[_HIP, NAMES.index(limb)] = 1.0, 1.0
    member[_HAND, NAMES.index("left hand")] = 1.0
    color = _SKIN.repeat(count, 1)
    color[_HIP] = _BLUE
    flags = torch.zeros(3, count, dtype=torch.bool)
    flags[0, _FACE], flags[2, _HIP.stop - _EACH // 4 : _HIP.stop] = True, True
    return Texels(
        rest=torch.zeros(count, 3),
        member=member,
        color=color,
        confidence=torch.full((count,), 0.9),
        place=torch.stack([0.1 * torch.arange(count), torch.zeros(count)], -1),
        facing=torch.ones(count, dtype=torch.bool),
        face=flags[0],
        scalp=flags[1],
        beside_hand=flags[2],
        lining=torch.zeros(count, dtype=torch.bool),
        shaded=torch.zeros(count, dtype=torch.bool),
    )


def _colored(texels: Texels, where: torch.Tensor | slice, color: torch.Tensor) -> Texels:
    changed = texels.color.clone()
    changed[where] = color
    return replace(texels, color=changed)


def _lost(texels: Texels) -> torch.Tensor:
    return (without_strays(texels).confidence == 0.0).nonzero()[:, 0]


@pytest.mark.parametrize("limb", ["torso", "left leg", "right leg"])
def test_skin_on_clothes_beside_a_hand_is_the_hands_own(limb: str):
    patch = slice(_HIP.stop - 60, _HIP.stop)
    texels = _colored(_texels(limb), patch, 0.95 * _SKIN)
    assert _lost(texels).tolist() == list(range(patch.start, patch.stop))


def test_all_else_keeps_its_colours_and_its_confidence():
    texels = _colored(_texels(), slice(_HIP.stop - 60, _HIP.stop), _SKIN)
    cleared = without_strays(texels)
    assert torch.equal(cleared.color, texels.color)
    kept = cleared.confidence > 0.0
    assert torch.equal(cleared.confidence[kept], texels.confidence[kept])
    assert torch.equal(texels.confidence, torch.full((3 * _EACH,), 0.9))  # What was given is not changed.


def test_skin_far_from_hands_stays():
    assert not len(_lost(_colored(_texels(), slice(_HIP.start, _HIP.start + 60), _SKIN)))


def test_bare_legs_stay_bare_beside_a_hand():
    assert not len(_lost(_colored(_texels(), _HIP, 0.97 * _SKIN)))


def test_clothes_in_another_colour_beside_a_hand_stay():
    """A pocket, say: it differs from the leg, but is no skin."""
    assert not len(_lost(_colored(_texels(), slice(_HIP.stop - 60, _HIP.stop), torch.tensor([0.1, 0.5, 0.1]))))


def test_beige_trousers_in_another_light_are_no_skin():
    """Next to the hand they are a little more like skin than trousers farther away, as the light has it."""
    beige = torch.tensor([0.78, 0.66, 0.56])
    texels = _colored(_texels(), _HIP, beige)
    assert not len(_lost(_colored(texels, slice(_HIP.stop - 60, _HIP.stop), 0.35 * beige + 0.65 * _SKIN)))


def test_an_arm_beside_a_hand_may_be_bare():
    texels = _colored(_texels("left arm"), slice(_HIP.stop - 60, _HIP.stop), _SKIN)
    assert not len(_lost(texels))


def test_the_limbs_own_colour_is_that_of_the_same_height():
    """A torso, bare but for a blue belt beside the hand: skin there is the hand's; were all at one height, its own."""
    bare, patch = slice(_HIP.start, _HIP.start + 350), slice(_HIP.stop - 60, _HIP.stop)
    texels = _colored(_colored(_texels("torso"), bare, _SKIN), patch, 0.97 * _SKIN)
    assert not len(_lost(texels))
    place = torch.zeros(3 * _EACH, 3)
    place[bare, 1] = 1.0
    assert _lost(replace(texels, rest=place)).tolist() == list(range(patch.start, patch.stop))


def test_cloth_on_a_bare_hand_is_what_lies_behind_it():
    texels = _colored(_texels(), slice(_HAND.start, _HAND.start + 100), _BLUE)
    assert _lost(texels).tolist() == list(range(_HAND.start, _HAND.start + 100))


def test_gloves_keep_their_colours():
    assert not len(_lost(_colored(_texels(), _HAND, _LEATHER)))


def test_shaded_skin_is_skin():
    assert not len(_lost(_colored(_texels(), slice(_HAND.start, _HAND.start + 100), 0.8 * _SKIN)))


def test_without_a_face_nothing_is_known_of_skin():
    texels = _colored(_texels(), slice(_HIP.stop - 60, _HIP.stop), _SKIN)
    hidden = texels.confidence.clone()
    hidden[_FACE] = 0.1
    faceless = replace(texels, confidence=hidden)
    assert without_strays(faceless) is faceless


def _in_rows(texels: Texels, where: slice, pitch: float) -> Texels:
    """Some texels side by side in the photo, `pitch` metres apart."""
    place = texels.place.clone()
    place[where] = torch.stack([pitch * torch.arange(where.stop - where.start), torch.full((_EACH,), 5.0)], -1)
    return replace(texels, place=place)


def test_lights_and_shadows_between_strays_are_strays_too():
    """A finger's highlight is no skin by its colour, but lies 1 cm wide between skin; 4 cm of cloth stay cloth."""
    texels = _in_rows(_texels(), _HIP, 0.001)
    first = _HIP.stop - 120
    for start, stop in ((0, 20), (30, 50), (90, 110)):
        texels = _colored(texels, slice(first + start, first + stop), _SKIN)
    lost = [index - first for index in _lost(texels).tolist()]
    assert set(range(50)) | set(range(90, 110)) <= set(lost)
    assert not set(lost) & set(range(58, 82))
    assert min(lost) >= -8
    assert max(lost) < 118


def test_only_what_lies_beside_a_hand_is_taken_along():
    """The rim of a stray ends where the hand is too far away."""
    texels = _in_rows(_texels(), _HIP, 0.001)
    far = _HIP.stop - _EACH // 4
    lost = _lost(_colored(texels, slice(far, far + 20), _SKIN))
    assert int(lost.min()) == far


def _forearm(behind: torch.Tensor, arm: torch.Tensor) -> Texels:
    """A leg in a colour, and on it in the photo a bare forearm, of which a patch shows another colour."""
    texels = _colored(_texels(), _HIP, behind)
    member, rest = texels.member.clone(), texels.rest.clone()
    member[_HAND] = 0.0
    member[_HAND, NAMES.index("left arm")] = 1.0
    rest[_HAND, 0] = torch.linspace(0.3, 0.75, _EACH)
    texels = _in_rows(_in_rows(replace(texels, member=member, rest=rest), _HIP, 0.001), _HAND, 0.001)
    return _colored(texels, slice(_HAND.stop - 100, _HAND.stop), arm)


def test_trousers_on_a_bare_forearm_are_what_lies_behind_it():
    lost = _lost(_forearm(_BLUE, 0.9 * _BLUE)).tolist()
    assert set(range(_HAND.stop - 100, _HAND.stop)) <= set(lost)
    assert len(lost) < 110


def test_a_tattoo_on_a_forearm_is_no_cloth():
    assert not len(_lost(_forearm(_BLUE, torch.tensor([0.12, 0.16, 0.12]))))


def test_a_sleeve_is_not_taken_for_the_cloth_behind_it():
    """An arm of which nothing is bare, over a trunk in the same colour."""
    texels = _forearm(_BLUE, _BLUE)
    assert not len(_lost(_colored(texels, _HAND, _BLUE)))


def test_of_a_hand_of_which_only_a_shadow_is_left_nothing_is_believed():
    """Half of a bare hand shows the cloth behind it, and most of the rest deep shadow, which all of it would become."""
    half, quarter = slice(_HAND.start, _HAND.start + 400), slice(_HAND.start + 400, _HAND.start + 620)
    texels = _colored(_texels(), half, _BLUE)
    lit = _colored(texels, slice(quarter.stop, _HAND.stop), 0.95 * _SKIN)
    assert _lost(lit).tolist() == list(range(half.start, half.stop))
    shadow = _colored(lit, quarter, 0.68 * _SKIN)
    lost = _lost(shadow).tolist()
    assert lost == list(range(_HAND.start, _HAND.stop))
