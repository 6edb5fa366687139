import json
from dataclasses import replace
from pathlib import Path

import imageio_ffmpeg
import numpy as np
import pytest
import torch
from PIL import Image

import assets
from avatars.body import BodyModel, BodyPose
from avatars.body.pose_file import BodyParameters, named_pose, read_pose, save_parameters
from avatars.body.saved_model import body_hash
from avatars.fitting.fit import FitBudget
from avatars.fitting.painted_rays import PaintedRays
from avatars.fitting.photo_rays import PhotoRays
from avatars.fitting.stages import fit_photo, fit_surface_and_photo, learn_body, learn_surface
from avatars.fitting.surface_terms import SolidTerm, SurfaceColorTerm
from avatars.pipeline import FitConfig, PhotoFiles, fit_from_photo
from avatars.posed.avatar import FigureConfig, orbit_around
from avatars.posed.run import load_avatar
from avatars.posed.warp import SkinningConfig
from avatars.surface.solid import SolidConfig
from avatars.surface.texture_rules import TextureRules
from avatars.surface.views import ViewsConfig
from nfield.cameras import Cameras
from nfield.cli import main
from nfield.cli.fit import parse
from nfield.cli.fit_options import fit_config
from nfield.errors import CheckpointError
from nfield.fields import HashConfig, RbfConfig, RbfField
from nfield.fields.unlit import UnlitField
from nfield.kernels.rasterize import rasterize
from nfield.rendering.samplers.occupancy import OccupancyConfig
from nfield.training.radiance import RadianceConfig
from viewer.avatar_run import load_subject

_SIZE = 128
_FOCAL = 176.0
_VIEWS = ViewsConfig(size=96, ring=6, elevations=(8.0,), details=0)


@pytest.fixture(scope="module")
def photo(tmp_path_factory: pytest.TempPathFactory):
    """A picture of the body in stripes, its mask and its parameters."""
    folder = tmp_path_factory.mktemp("photo")
    model = BodyModel.load()
    rotations = named_pose("a-pose")
    rotations[0] = torch.tensor([torch.pi, 0.0, 0.0])
    pose = BodyPose(rotations, torch.tensor([0.0, -0.25, 2.9]), torch.zeros(10))
    vertices = model.pose(pose).vertices
    camera = Cameras.pinhole(_FOCAL, (_SIZE, _SIZE))
    raster = rasterize(vertices, model.faces, camera.intrinsics[0], camera.size)
    height = model.template[:, 1:2]
    stripes = torch.where((height * 4.0).floor() % 2 == 0, torch.tensor([0.8, 0.2, 0.2]), torch.tensor([0.2, 0.3, 0.7]))
    cover = raster.face >= 0
    image = raster.interpolate(stripes, model.faces) + 0.5 * (~cover)[..., None]
    Image.fromarray((image * 255).byte().numpy()).save(folder / "photo.png")
    Image.fromarray((cover * 255).byte().numpy()).save(folder / "mask.png")
    save_parameters(folder / "body.npz", BodyParameters(pose, _FOCAL), model)
    return folder


def _given(photo: Path):
    return ["--mask", str(photo / "mask.png"), "--body", str(photo / "body.npz")]


def _small_figure(figure: FigureConfig) -> FigureConfig:
    grid = HashConfig(levels=8, log2_table_size=14, finest_resolution=256, hidden=32)
    field = RbfConfig.as_large_as(grid) if isinstance(figure.field, RbfConfig) else grid
    sampler = OccupancyConfig(resolution=48, steps=256, coarse=1.0, threshold=0.02)
    return replace(figure, field=field, sampler=sampler)


def _small(config: FitConfig, steps: int):
    """The same fit at a size that a test can wait for."""
    surface, solid = SurfaceColorTerm("surface", count=1 << 13), SolidTerm("solid", count=1 << 14)
    photo = fit_surface_and_photo(PhotoRays(count=1024, reach=8))
    seen = replace(surface, visible_weight=0.1)
    pictures = replace(learn_body(), radiance=RadianceConfig(samples=1 << 14, first_rays=512))
    initialises = isinstance(config.figure.field, RbfConfig)
    return replace(
        config,
        figure=_small_figure(config.figure),
        completion=TextureRules(size=256),
        views=_VIEWS,
        solid=SolidConfig(on=40000, around=16000),
        stages=(
            pictures if initialises else replace(learn_surface(), terms=(surface, solid)),
            replace(photo, terms=(*photo.terms[:2], seen, solid)),
        ),
        budget=FitBudget(minutes=None, steps=steps),
    )


def _small_of_pictures(steps: int):
    """The method before texture space, as small."""
    config = FitConfig.of_pictures()
    return replace(
        config,
        figure=_small_figure(config.figure),
        views=_VIEWS,
        stages=(
            replace(learn_body(), radiance=RadianceConfig(samples=1 << 14, first_rays=512)),
            fit_photo(PhotoRays(count=1024, reach=8), PaintedRays(count=512, margin=6)),
        ),
        budget=FitBudget(minutes=None, steps=steps),
    )


def _fit(photo: Path, out: Path, *words: str, steps: int = 70):
    files = PhotoFiles(photo / "photo.png", mask=photo / "mask.png", body=photo / "body.npz")
    options = parse([str(files.photo), "--out", str(out), *words])
    fit_from_photo(files, out, _small(fit_config(options), steps))
    return out


@pytest.fixture(scope="module")
def run(photo: Path, tmp_path_factory: pytest.TempPathFactory):
    return _fit(photo, tmp_path_factory.mktemp("run") / "avatar")


def test_avatar_shows_its_photo(run: Path):
    report = json.loads((run / "report.json").read_text())
    assert report["body_iou"] > 0.98
    assert report["iou"] > 0.85
    assert report["psnr"] > 17.0
    assert {"photo.png", "alpha.png", "overlay.png", "source.png", "strip.png", "body.npz"} <= {
        path.name for path in run.iterdir()
    }


def test_the_method_of_pictures_shows_its_photo_too(photo: Path, tmp_path: Path):
    files = PhotoFiles(photo / "photo.png", mask=photo / "mask.png", body=photo / "body.npz")
    fit_from_photo(files, tmp_path, _small_of_pictures(70))
    report = json.loads((tmp_path / "report.json").read_text())
    assert report["iou"] > 0.85
    assert report["psnr"] > 17.0
    avatar = load_avatar(tmp_path)
    assert (avatar.config.skinning, avatar.config.room) == (SkinningConfig(), 0.02)
    assert torch.equal(avatar.dressed.faces, avatar.model.faces)  # What nobody sees belongs to it.


def test_the_inside_of_the_mouth_is_no_part_of_the_surface(run: Path):
    avatar = load_avatar(run)
    assert 0.7 < len(avatar.dressed.faces) / len(avatar.model.faces) < 0.999
    assert avatar.config.skinning == SkinningConfig.close()


def test_saved_avatar_is_the_same_again(run: Path, generator: torch.Generator):
    avatar = load_avatar(run)
    posed = avatar.posed(avatar.portrait.pose)
    posed.refresh(generator)
    small = avatar.portrait.camera.resized((_SIZE // 2, _SIZE // 2))
    shown = posed.image(small, 0)
    saved = np.asarray(Image.open(run / "source.png"), np.float32)[:, _SIZE:] / 255.0
    reference = torch.from_numpy(saved).reshape(_SIZE // 2, 2, _SIZE // 2, 2, 3).mean((1, 3))
    assert (shown.color - reference).abs().mean() < 0.02


def test_turntable_is_rendered_in_a_pose(run: Path, tmp_path: Path):
    size = ["--size", "48", "48"]
    assert main(["render", str(run), "--pose", "t-pose", "--frames", "2", *size, "--out", str(tmp_path)]) == 0
    assert (tmp_path / "turntable.mp4").stat().st_size > 0
    assert (tmp_path / "strip.png").is_file()


def test_an_avatar_takes_other_colours_and_keeps_its_poses(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
):
    red, grey = tmp_path / "red", tmp_path / "grey"
    assert main(["edit", "recolor", str(run), "--only", "#3348b2", "--paint", "lime", "--out", str(red)]) == 0
    assert main(["edit", "recolor", str(red), "--saturation", "0", "--out", str(grey)]) == 0
    assert {path.name for path in red.iterdir()} >= {"checkpoint.safetensors", "body_model.npz", "preview.png"}
    shown = []
    for folder in (run, red, grey):
        posed = load_avatar(folder).upright(read_pose("sit", BodyModel.load()), generator=torch.Generator())
        cameras = orbit_around(posed.box, height=48, width=48).cameras(2)
        shown.append(posed.image(cameras, 0).color)
    before, painted, plain = shown
    person = before.amin(-1) < 0.9
    assert person.sum() > 100
    assert painted[person][:, 1].mean() > before[person][:, 1].mean() + 0.1
    assert (plain.amax(-1) - plain.amin(-1)).max() < 0.03
    capsys.readouterr()
    box = ["--box", "-1", "-1", "-1", "1", "1", "1"]
    assert main(["edit", "crop", str(run), *box, "--out", str(tmp_path / "part")]) == 2
    assert "colours alone can be edited" in capsys.readouterr().err
    assert main(["edit", "extent", str(run)]) == 0
    assert capsys.readouterr().out.startswith("surfaces --box")


@pytest.mark.parametrize("camera", ["orbit", "front", "follow"])
def test_a_motion_is_filmed(camera: str, run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    size = ["--size", "48", "48", "--seconds", "0.3", "--fps", "10"]
    assert main(["render", str(run), "--motion", "wave", "--camera", camera, *size, "--out", str(tmp_path)]) == 0
    assert imageio_ffmpeg.count_frames_and_secs(str(tmp_path / "wave.mp4"))[0] == 3
    assert "wave: 3 pictures, 10 for each of 0.3 seconds" in capsys.readouterr().out
    first = np.asarray(Image.open(tmp_path / "frames" / "000.png"))
    assert 0.02 < float((first.min(-1) < 230).mean()) < 0.6  # somebody is there, before white


def test_motions_that_do_not_fit_are_refused(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    words = [
        (["--motion", "moonwalk"], "there is no such motion; expected one of dance"),
        (["--motion", "walk", "--pose", "sit"], "--pose: a motion brings its own poses"),
        (["--camera", "front"], "--camera: front films a motion; add --motion"),
    ]
    for given, expected in words:
        assert main(["render", str(run), *given, "--out", str(tmp_path)]) == 2
        assert expected in capsys.readouterr().err


def test_an_avatar_of_radial_bases_shows_its_photo(photo: Path, tmp_path: Path):
    out = _fit(photo, tmp_path / "rbf", "--field", "rbf", steps=140)
    report = json.loads((out / "report.json").read_text())
    assert report["psnr"] > 20.0
    assert report["iou"] > 0.95
    field = load_avatar(out).canonical.field
    assert isinstance(field, UnlitField)
    assert isinstance(field.inner, RbfField)
    assert field.initialised
    assert field.inner.bases.features.abs().max() > 1e-3  # they have learned something


def test_a_converted_avatar_takes_poses(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    out = tmp_path / "student"
    words = ["convert", str(run), "--to", "dense", "--out", str(out), "--steps", "20", "--views", "2"]
    assert main([*words, "--samples", "4096", "--dense.resolution", "48"]) == 0
    assert "in the pose 'walk'" in capsys.readouterr().out
    assert {"report.html", "pose.png"} <= {path.name for path in out.iterdir()}
    report = json.loads((out / "report.json").read_text())
    assert report["inherited"] == ["values at its nodes"]
    assert report["student_to_teacher"]["psnr"] > 20.0
    small = ["--frames", "1", "--size", "32", "32", "--out", str(tmp_path / "film")]
    assert main(["render", str(out), "--pose", "walk", *small]) == 0


def test_a_fit_with_a_model_of_ones_own_opens_without_it(photo: Path, tmp_path: Path):
    """The shipped body, a little larger and of another shape space, as a file that is gone afterwards."""
    file, out, student = tmp_path / "mine.npz", tmp_path / "run", tmp_path / "student"
    with np.load(assets.path("body/body.npz"), allow_pickle=False) as shipped:
        arrays = {name: shipped[name] for name in shipped.files}
    np.savez(file, **{**arrays, "v_template": arrays["v_template"] * 1.03, "shape_space": np.array("other")})
    model = BodyModel.load(file)
    assert body_hash(model) != body_hash(BodyModel.load())
    files = PhotoFiles(photo / "photo.png", mask=photo / "mask.png", body=photo / "body.npz")
    fit_from_photo(files, out, _small(FitConfig(), 3), model=model)
    file.unlink()
    assert body_hash(load_avatar(out).model) == body_hash(model)
    with pytest.raises(CheckpointError, match=r"was made with the body .* not with .*; leave the model out"):
        load_avatar(out, BodyModel.load())
    words = ["convert", str(out), "--to", "dense", "--out", str(student), "--steps", "2", "--views", "1"]
    assert main([*words, "--samples", "1024", "--dense.resolution", "24"]) == 0
    for run in (out, student):
        small = ["--frames", "1", "--size", "24", "24", "--out", str(run / "film")]
        assert main(["render", str(run), "--pose", "walk", *small]) == 0
        figure = load_subject(run).figure
        assert figure is not None
        torch.testing.assert_close(load_avatar(run).model.template, model.template)


def test_a_second_fit_does_not_replace_the_first(photo: Path, run: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["fit", str(photo / "photo.png"), "--out", str(run), *_given(photo)]) == 2
    assert "--overwrite" in capsys.readouterr().err


def test_a_body_from_elsewhere_is_refused(photo: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    model = BodyModel.load()
    pose = BodyPose(torch.zeros(24, 3), torch.tensor([3.0, 0.0, 9.0]), torch.zeros(10))
    save_parameters(tmp_path / "body.npz", BodyParameters(pose, _FOCAL), model)
    files = ["--mask", str(photo / "mask.png"), "--body", str(tmp_path / "body.npz")]
    assert main(["fit", str(photo / "photo.png"), "--out", str(tmp_path / "out"), *files]) == 2
    assert "belong to this photo" in capsys.readouterr().err


def test_unknown_pose_is_named(run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert main(["render", str(run), "--pose", "flying", "--out", str(tmp_path)]) == 2
    assert "t-pose" in capsys.readouterr().err
