"""The shipped body in clothes whose colours are known everywhere, photographed from the front, and completed."""

from dataclasses import dataclass, replace

import pytest
import torch
from torch import Tensor

from avatars.body import BodyModel, BodyPose
from avatars.body.joints import JOINT_NAMES
from avatars.body.pose_file import named_pose
from avatars.defects import sharpness
from avatars.surface.appearance import Appearance
from avatars.surface.complete import Completion
from avatars.surface.dressed import DressedSurface
from avatars.surface.limbs import NAMES, memberships
from avatars.surface.mesh import subdivide, vertex_normals
from avatars.surface.paint import PhotographedSurface
from avatars.surface.parametrise import TextureLayout
from avatars.surface.regions import BodyRegions
from avatars.surface.rings import RingConfig
from avatars.surface.texels import Texels, photographed_texels
from avatars.surface.texture_rules import TextureRules, complete_texels
from avatars.surface.textured import Texture
from avatars.surface.unrolled import CELL
from avatars.surface.visibility import VisibilityConfig
from nfield.cameras import Cameras
from nfield.interpolation import bicubic
from nfield.kernels.rasterize import rasterize
from nfield.texture_atlas import Atlas

_SIZE = 384
_SKIN, _HAIR, _SLEEVE = torch.tensor([0.85, 0.62, 0.52]), torch.tensor([0.15, 0.1, 0.06]), torch.tensor([0.1, 0.5, 0.2])
_RED, _WHITE, _EMBLEM = torch.tensor([0.7, 0.15, 0.12]), torch.tensor([0.9, 0.9, 0.85]), torch.tensor([0.05, 0.1, 0.6])
_TROUSERS, _SHOES = torch.tensor([0.12, 0.2, 0.45]), torch.tensor([0.1, 0.1, 0.1])
_STRIPE, _SLEEVE_END = 0.06, 0.36


@dataclass(frozen=True)
class _Scene:
    """A completed surface.

    Attributes:
        model: The body.
        shown: What was completed.
        atlas: Its texels.
        texture: The result.
        truth: The colours that were photographed.
    """

    model: BodyModel
    shown: PhotographedSurface
    atlas: Atlas
    texture: Texture
    truth: Tensor

    @property
    def rest(self) -> Tensor:
        return self.atlas.at(self.shown.rest)

    @property
    def color(self) -> Tensor:
        return self.texture.image.reshape(-1, 4)[self.atlas.index, :3]

    @property
    def confidence(self) -> Tensor:
        return self.texture.image.reshape(-1, 4)[self.atlas.index, 3]

    @property
    def backwards(self) -> Tensor:
        """Texels whose normal at rest points clearly backwards."""
        normals = self.atlas.at(vertex_normals(self.shown.rest, self.shown.surface.faces))
        return normals[:, 2] < -0.4

    def on(self, limb: str) -> Tensor:
        member = memberships(self.atlas.at(self.shown.surface.spread(self.model.weights)), self.model.joint_names)
        return member[:, NAMES.index(limb)] > 0.9

    def error(self, where: Tensor) -> Tensor:
        return (self.color - self.truth)[where].abs().amax(-1)


def _clothes(model: BodyModel, rest: Tensor, weights: Tensor, regions: Tensor) -> Tensor:
    """A striped shirt with a square emblem in front, sleeves to the elbows, trousers and shoes; hair on the skull."""
    limb = memberships(weights, JOINT_NAMES).argmax(-1)
    color = _SKIN.repeat(len(rest), 1)
    torso = limb == NAMES.index("torso")
    stripe = (rest[:, 1] / _STRIPE).floor().remainder(2.0) == 0.0
    color[torso] = torch.where(stripe[torso, None], _RED, _WHITE)
    chest = model.joint_template[9, 1]
    middle = (rest[:, 0].abs() < 0.05) & ((rest[:, 1] - chest).abs() < 0.05)
    color[torso & middle & (rest[:, 2] > 0.0)] = _EMBLEM
    for side in ("left", "right"):
        arm = limb == NAMES.index(f"{side} arm")
        color[arm & (rest[:, 0].abs() < _SLEEVE_END)] = _SLEEVE
        color[limb == NAMES.index(f"{side} leg")] = _TROUSERS
        color[limb == NAMES.index(f"{side} foot")] = _SHOES
    color[regions[:, 0] > 0.5] = _HAIR
    return color


def _scene(camera: Cameras, size: int = _SIZE) -> _Scene:
    model = BodyModel.load()
    surface, layout = subdivide(model.faces, len(model.template)), TextureLayout.of_body(model).finer()
    rotations = named_pose("a-pose")
    rotations[0] = torch.tensor([torch.pi, 0.0, 0.0])
    body = model.pose(BodyPose(rotations, torch.tensor([0.0, 0.1, 3.0]), torch.zeros(10)))
    rest, posed = surface.spread(model.template), surface.spread(body.vertices)
    atlas = Atlas.of(layout, surface.faces, size=size)
    skull = surface.spread(BodyRegions.of(model).skull[:, None].float())
    truth = _clothes(model, atlas.at(rest), atlas.at(surface.spread(model.weights)), atlas.at(skull))
    raster = rasterize(posed, surface.faces, camera.intrinsics[0], camera.size)
    worn = Texture(layout, atlas.image(torch.cat([truth, truth[:, :1]], -1)))
    cover = raster.face >= 0
    photo = torch.where(cover[..., None], worn.shade(raster)[..., :3], 0.5)
    dressed = DressedSurface(model.template, model.faces)
    shown = PhotographedSurface(
        model, dressed, surface, layout, rest, posed, (photo * 255.0).round().byte(), cover, camera
    )
    rules = TextureRules(size=size)
    assert isinstance(rules, Completion)
    return _Scene(model, shown, atlas, rules.complete(shown), truth)


@pytest.fixture(scope="module")
def whole():
    """All of the body in the photo."""
    return _scene(Cameras.pinhole(500.0, (340, 340)))


@pytest.fixture(scope="module")
def cut():
    """A photo that ends below the chest and leaves the left arm out, which is on its right."""
    return _scene(Cameras.pinhole(500.0, (150, 205), center=(170.0, 170.0)))


def test_seen_texels_show_the_photo(whole: _Scene):
    seen = whole.confidence == 1.0
    assert seen.float().mean() > 0.1
    pixel, _ = whole.shown.camera.project(whole.atlas.at(whole.shown.posed), 0)
    photo = bicubic(whole.shown.photo.float() / 255.0, pixel)
    torch.testing.assert_close(whole.color[seen], photo[seen], atol=1e-4, rtol=0)
    assert whole.error(seen).quantile(0.8) < 0.02


def test_fine_patterns_stay_as_sharp_as_in_the_photo(whole: _Scene, generator: torch.Generator):
    shown = whole.shown
    height, width = shown.mask.shape
    blocks = torch.randint(256, (height // 2, width // 2, 1), generator=generator, dtype=torch.uint8)
    photo = blocks.repeat_interleave(2, 0).repeat_interleave(2, 1).expand(-1, -1, 3)
    found = TextureRules(size=1024).complete(replace(shown, photo=photo))
    painted = found.shade(rasterize(shown.posed, shown.surface.faces, shown.camera.intrinsics[0], shown.camera.size))
    seen = painted[..., 3] > 0.99
    ours, theirs = (sharpness(grey.numpy(), seen) for grey in (painted[..., 0], photo[..., 0] / 255.0))
    assert ours is not None
    assert theirs is not None
    assert ours > 0.95 * theirs


def test_all_colours_are_colours_and_the_back_is_not_seen(whole: _Scene):
    assert isinstance(whole.texture, Appearance)
    assert whole.texture.image.shape == (_SIZE, _SIZE, 4)
    assert whole.texture.image.min() >= 0.0
    assert whole.texture.image.max() <= 1.0
    assert (whole.confidence[whole.backwards & whole.on("torso")] == 0.0).all()


def test_stripes_go_straight_around_the_trunk(whole: _Scene):
    """Behind, each height shows its stripe's colour: away from the borders, which the photo's pixels blur."""
    height = whole.rest[:, 1]
    border = (height / _STRIPE - (height / _STRIPE).round()).abs() * _STRIPE
    back = whole.backwards & whole.on("torso") & (border > 0.012)
    assert back.sum() > 1000
    error = whole.error(back)
    assert error.quantile(0.9) < 0.1
    nearer = (whole.color - whole.truth).norm(dim=-1) < 0.5 * (_RED - _WHITE).norm()
    assert nearer[back].float().mean() > 0.97


def test_the_emblem_is_in_front_alone(whole: _Scene):
    like = (whole.color - _EMBLEM).norm(dim=-1) < 0.35
    torso = whole.on("torso")
    worn = ((whole.truth - _EMBLEM).norm(dim=-1) < 1e-3) & (whole.confidence > 0.9)
    assert worn.sum() > 100
    assert like[worn].float().mean() > 0.9
    assert not like[torso & whole.backwards].any()


@pytest.mark.parametrize("side", ["left", "right"])
def test_a_sleeve_ends_behind_where_it_ends_in_front(whole: _Scene, side: str):
    arm, away = whole.on(f"{side} arm"), whole.rest[:, 0].abs()
    sleeve = (whole.color - _SLEEVE).norm(dim=-1) < (whole.color - _SKIN).norm(dim=-1)
    for turned in (whole.backwards, whole.confidence > 0.9):
        for distance, share in ((-0.03, 1.0), (-0.012, 1.0), (0.012, 0.0), (0.03, 0.0)):
            ring = arm & turned & ((away - _SLEEVE_END - distance).abs() < 0.006)
            assert ring.sum() > 5
            assert float(sleeve[ring].float().mean()) == pytest.approx(share, abs=0.15)


def test_the_back_of_the_head_is_hair(whole: _Scene):
    eyes = whole.model.template[whole.model.landmarks["leye"]]
    back = whole.on("head") & whole.backwards & (whole.rest[:, 1] > eyes[1] + 0.02)
    assert back.sum() > 100
    assert (whole.color - _HAIR)[back].abs().amax(-1).quantile(0.9) < 0.1
    assert ((whole.color - _HAIR).norm(dim=-1) < (whole.color - _SKIN).norm(dim=-1))[back].float().mean() > 0.99


@pytest.mark.parametrize(("limb", "worn"), [("leg", _TROUSERS), ("foot", _SHOES)])
def test_legs_and_feet_wear_behind_what_they_wear_in_front(whole: _Scene, limb: str, worn: Tensor):
    for side in ("left", "right"):
        back = whole.on(f"{side} {limb}") & whole.backwards
        assert back.sum() > 50
        assert (whole.color - worn)[back].abs().amax(-1).quantile(0.95) < 0.1


def test_legs_that_the_photo_leaves_out_are_of_a_plain_colour(cut: _Scene):
    for limb, prior in (("leg", (0.25, 0.26, 0.29)), ("foot", (0.16, 0.15, 0.15))):
        for side in ("left", "right"):
            hidden = cut.on(f"{side} {limb}") & (cut.rest[:, 1] < cut.model.joint_template[4, 1])
            assert hidden.sum() > 50
            assert (cut.confidence[hidden] == 0.0).all()
            torch.testing.assert_close(
                cut.color[hidden], torch.tensor(prior).expand(int(hidden.sum()), 3), atol=0.02, rtol=0
            )


def test_an_arm_that_the_photo_leaves_out_is_the_mirror_image_of_the_other(cut: _Scene):
    """Its sleeve ends at the same length."""
    away = (cut.rest[:, 0].abs() - _SLEEVE_END).abs()
    hidden = cut.on("left arm") & (cut.rest[:, 0] > 0.25) & (away > 0.015)
    assert hidden.sum() > 200
    assert cut.confidence[hidden].mean() < 0.05
    assert cut.error(hidden).quantile(0.9) < 0.1


def test_texels_know_their_regions_and_limbs(whole: _Scene):
    """Faces and scalps lie on heads, nothing of a hand is beside a hand, memberships are shares."""
    texels = photographed_texels(whole.shown, whole.atlas, VisibilityConfig())
    head, hands = whole.on("head"), whole.on("left hand") | whole.on("right hand")
    assert head[texels.face].float().mean() > 0.95
    assert head[texels.scalp].all()
    assert not (texels.face & texels.scalp).any()
    assert not (texels.beside_hand & hands).any()
    assert not texels.lining.any()
    torch.testing.assert_close(texels.member.sum(-1), torch.ones(len(texels.rest)))
    assert not texels.facing[whole.backwards & whole.on("torso")].any()
    torch.testing.assert_close(texels.rest, whole.rest)


def test_texels_beside_a_hand_are_those_that_the_photo_shows_near_it(whole: _Scene):
    """Against all distances in the photo: nearer than 9 cm to some texel of a hand, and no hand."""
    texels = photographed_texels(whole.shown, whole.atlas, VisibilityConfig())
    surface, points = whole.shown.surface, whole.atlas.at(whole.shown.posed)
    hand = whole.atlas.at(surface.spread(BodyRegions.of(whole.model).hands[:, None].float()))[:, 0] > 0.5
    pixel, _ = whole.shown.camera.project(points, 0)
    metre = 500.0 / float(points[hand, 2].mean())
    sample = torch.arange(0, len(points), 23)
    nearest = torch.cdist(pixel[sample], pixel[hand][::2]).amin(-1) / metre
    sure = ~hand[sample] & ((nearest - 0.09).abs() > 6.0 / metre)
    assert torch.equal(texels.beside_hand[sample][sure], nearest[sure] < 0.09)
    assert 50 < texels.beside_hand.sum() < 0.3 * len(points)


def _tube() -> tuple[Texels, Tensor]:
    """A tube of which the trunk, above, passes into a leg, its front in the photo: a white shirt over black trousers.

    The shirt ends where four fifths belong to the leg. Also the true brightness of each texel.
    """
    rows, turn = torch.arange(0.0, 0.36, CELL), torch.linspace(-torch.pi, torch.pi, 420)[:-1]
    height, angle = (plane.reshape(-1) for plane in torch.meshgrid(rows, turn, indexing="ij"))
    rest = torch.stack([0.12 * angle.sin(), height, 0.12 * angle.cos()], -1)
    member = torch.zeros(len(rest), len(NAMES))
    member[:, NAMES.index("torso")] = ((height - 0.05) / 0.25).clamp(0.0, 1.0)
    member[:, NAMES.index("left leg")] = 1.0 - member[:, NAMES.index("torso")]
    white = torch.where(height > 0.1, 0.95, 0.05)
    flags = torch.zeros(len(rest), dtype=torch.bool)
    seen = angle.abs() < 1.2
    texels = Texels(
        rest=rest,
        member=member,
        color=white[:, None].expand(-1, 3).contiguous(),
        confidence=seen.to(torch.float32),
        place=rest[:, :2],
        facing=angle.abs() < 1.4,
        face=flags,
        scalp=flags,
        beside_hand=flags,
        lining=flags,
        shaded=flags,
    )
    return texels, white


def test_a_hem_where_the_trunk_passes_into_a_leg_is_as_sharp_behind_as_in_front():
    texels, white = _tube()
    color = complete_texels(texels, RingConfig())
    away = (texels.rest[:, 1] - 0.1).abs() > 0.01
    inner = away & (texels.rest[:, 1] > 0.02) & (texels.rest[:, 1] < 0.34)
    assert (color[inner].mean(-1) - white[inner]).abs().max() < 0.06
