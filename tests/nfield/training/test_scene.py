import math
from dataclasses import replace

import pytest
import torch

from nfield.data.analytic import analytic_scene
from nfield.data.base import PosedImages
from nfield.errors import OptionError
from nfield.fields import HashConfig, RbfConfig, VmConfig
from nfield.rendering.renderer import Renderer
from nfield.rendering.samplers.uniform import UniformSampler
from nfield.rendering.scene_renderer import SceneRenderer
from nfield.training.evaluation import rendered_views, spread
from nfield.training.radiance import RadianceConfig
from nfield.training.scene import orbit_around, preset, preset_of, sampler_options, set_up
from nfield.training.task import Moment
from nfield.types import Box

TINY = HashConfig(levels=2, log2_table_size=8, finest_resolution=32, hidden=32)


@pytest.fixture
def images(generator: torch.Generator) -> PosedImages:
    return analytic_scene(12, (16, 16), generator)


def test_an_object_takes_one_cascade_and_even_steps(images: PosedImages):
    options = sampler_options(images)
    assert (options.cascades, options.cone) == (1, 0.0)


def test_cascades_reach_from_the_subject_to_the_whole_box(images: PosedImages):
    for edges, cascades in ((2.0, 2), (4.0, 3), (16.0, 5)):
        scene = replace(images, inner=Box.cube(1.0), box=Box.cube(edges))
        options = sampler_options(scene)
        assert options.cascades == cascades
        assert options.cone > 0.0


def test_a_scene_with_a_background_keeps_clear_of_the_cameras(images: PosedImages, generator: torch.Generator):
    captured = replace(images, inner=Box.cube(2.0), box=Box.cube(4.0), background=None)
    setup = set_up(captured, TINY, radiance=RadianceConfig(), generator=generator)
    assert setup.shown.near == pytest.approx(0.05 * 4.0)
    assert setup.shown.background == (0.0, 0.0, 0.0)


def test_the_orbit_has_the_cameras_mean_distance_and_height(images: PosedImages):
    orbit = orbit_around(images)
    height = images.cameras.origins[:, 2].mean()
    across = images.cameras.origins[:, :2].norm(dim=-1).mean()
    torch.testing.assert_close(orbit.up, torch.tensor([0.0, 0.0, 1.0]), atol=1e-5, rtol=0.0)
    assert float(orbit.start.norm()) == pytest.approx(math.hypot(float(height), float(across)), rel=0.05)
    assert orbit.size == (16, 16)
    assert orbit.arc == pytest.approx(2.0 * math.pi)


def test_the_orbit_keeps_to_the_side_where_cameras_were(images: PosedImages):
    front = images.subset((images.cameras.origins[:, 0] > 0.0).nonzero()[:, 0])
    orbit = orbit_around(front)
    assert orbit.arc < math.pi
    filmed = orbit.cameras(16).origins
    assert float(filmed[:, 0].min()) > 0.0
    torch.testing.assert_close(filmed[0], orbit.target + orbit.start)


def test_larger_budgets_get_larger_tables():
    sizes = [preset(minutes).field.log2_table_size for minutes in (1.0, 5.0, 15.0)]  # pyright: ignore
    assert sizes == sorted(sizes)
    assert sizes[0] < sizes[-1]


def test_presets_are_what_the_backend_says():
    config = VmConfig.for_budget(3.0)
    chosen = preset(3.0, backend="vm")
    assert chosen.field == config
    assert chosen.optim.rates == config.learning().rates
    assert preset_of(config) == chosen
    assert preset(3.0, backend="mlp").radiance.samples < chosen.radiance.samples == RadianceConfig().samples


def test_what_the_options_choose_is_trained_at_its_own_rates():
    """The base of a field of radial bases is an option: its rates are not those of the default base."""
    rates = preset_of(replace(RbfConfig.for_budget(3.0), base="vm")).optim.rates
    assert rates.items() >= VmConfig.for_budget(3.0).learning().rates.items()


def test_silhouettes_leave_few_cells_before_the_first_step(generator: torch.Generator):
    images = analytic_scene(6, (64, 64), generator)
    setup = set_up(images, TINY, radiance=RadianceConfig(), generator=generator)
    opaque = replace(images, has_alpha=False)
    whole = set_up(opaque, TINY, radiance=RadianceConfig(), generator=generator)
    shares = [s.task.renderer.sampler.get_buffer("share").item() for s in (setup, whole)]
    assert shares[0] < shares[1] == 1.0


def test_sparsity_is_the_mean_size_of_what_the_field_names(images: PosedImages, generator: torch.Generator):
    config = VmConfig(resolution=8, density_components=2, appearance_components=2, hidden=8)
    setup = set_up(images, config, radiance=RadianceConfig(sparsity=0.5), generator=generator)
    losses = setup.task.losses(Moment(0, 0.0, 0.0), generator)
    expected = 0.5 * sum(p.detach().abs().mean().item() for p in setup.task.field.sparse())
    assert losses["sparsity"].item() == pytest.approx(expected)
    plain = set_up(images, config, radiance=RadianceConfig(), generator=generator)
    assert plain.task.losses(Moment(0, 0.0, 0.0), generator).keys() == {"color"}


def test_options_that_make_no_field_are_refused(images: PosedImages, generator: torch.Generator):
    for config in (replace(TINY, finest_resolution=0), replace(TINY, levels=-1), replace(TINY, hidden=-1)):
        with pytest.raises(OptionError, match="cannot be built"):
            set_up(images, config, radiance=RadianceConfig(), generator=generator)


def test_photos_are_compared_over_the_background_of_the_rendering(images: PosedImages, generator: torch.Generator):
    field = set_up(images, TINY, radiance=RadianceConfig(), generator=generator).shown.field
    nothing = Box.cube(0.1, center=(50.0, 0.0, 0.0))
    shown = SceneRenderer(field, Renderer(UniformSampler(4)), nothing, 0.0, (0.0, 1.0, 0.0))
    (view,) = rendered_views(shown, images, [3])
    clear = images.images[3, ..., 3] == 0
    assert clear.any()
    assert torch.equal(view.rendered, torch.tensor([0.0, 1.0, 0.0]).expand(16, 16, 3))
    assert torch.equal(view.photo[clear], view.rendered[clear])
    assert view.psnr < 40.0


def test_views_are_spread_without_repetition():
    assert spread(7, None) == list(range(7))
    assert spread(3, 10) == [0, 1, 2]
    chosen = spread(25, 4)
    assert len(set(chosen)) == 4
    assert chosen == sorted(chosen)
