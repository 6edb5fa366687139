"""What `nfield fit` can be asked for, and what that means for a fit that goes on."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Annotated, Any, Literal

import tyro

from avatars.fit_config import FitConfig
from avatars.fit_run.folder import FitFolder
from avatars.fit_run.record import FitRecord
from avatars.fitting.fit import FitBudget
from avatars.fitting.semantic_term import SemanticTerm
from avatars.fitting.stages import default_stages, guided_stages
from avatars.photo_inputs import PhotoFiles
from avatars.posed.avatar import FigureConfig
from avatars.semantic.open_clip_encoder import OpenClipSource
from avatars.semantic.people_encoder import NAME, PeopleSource
from avatars.surface.learned.completion import NetworkCompletion
from avatars.surface.texture_rules import TextureRules
from nfield.config_json import typed
from nfield.errors import OptionError
from nfield.fields import BACKENDS, FieldConfig
from nfield.training.run_folder import RUN_FILE

_MINUTES = 4.0
_MODEL = OpenClipSource().model
_FIELD = "hash"
_SEED = 0
_BUDGET: Mapping[str, Any] = {"minutes": float | None, "steps": int | None, "seed": int | None}
"""Options of the budget by name, with their types."""
_GUIDANCE = ("guidance", "clip_model", "clip_weights", "prompt")
_DEFAULT, _NETWORK, _CLIP = "network", ("network", "all"), ("clip", "all")
"""Values of the first: where it is left out; with which a network completes; with which meanings are compared."""


@dataclass(frozen=True)
class FitOptions:
    """Make a posable avatar from one photo of a person; Ctrl-C saves and stops, --resume goes on."""

    out: Path
    """Run folder to write: avatar, report and pictures; progress.png shows every minute how far it is."""
    photo: Annotated[tyro.conf.Positional[Path | None], tyro.conf.arg(metavar="PHOTO")] = None
    """Picture that shows a person, best from head to feet. With --resume it may be left out."""
    person: int | None = None
    """Which of several persons, 1 for the leftmost; persons.png in the run folder shows them. Default: the largest."""
    mask: Path | None = None
    """Picture of the photo's size, white where the person is, or "none" to ignore the alpha channel of a cut-out
    photo. Default: that alpha channel where it is a mask, else found in the photo."""
    keypoints: Path | None = None
    """JSON file with the person's 33, 25 or 17 landmarks. Default: found in the photo."""
    body: Path | None = None
    """Parameters of the body (npz: pose, shape, global_t, focal_l). Default: fitted to the photo."""
    model: Path | None = None
    """Body model file: SMPL, SMPL-H or SMPL-X (npz or pkl). Default: the shipped one, or the resumed run's."""
    focal: float | None = None
    """Focal length in pixels of the photo. Default: that of --body, else it is fitted."""
    field: str | None = None
    """Backend of the avatar's field: hash (a hash grid), rbf (one of the same size with adaptive radial bases), or
    another of nfield train. Default: hash."""
    guidance: Literal["rules", "network", "clip", "all"] | None = None
    """Who says what the photo does not show: rules paint it; a network mends what they paint; with clip what the rules
    painted then changes until it means what the photo does to an image-text model of open_clip, with all what the
    network mended does. Default: network."""
    clip_model: str | None = None
    """Name of that model in open_clip, or a JSON file of its architecture; OpenAI's own weights need a name that ends
    in -quickgelu. Default: the shipped model of people, or ViT-B-32 with --clip-weights."""
    clip_weights: Path | None = None
    """File of its weights, which any model but the shipped one needs; nothing is downloaded."""
    prompt: tuple[str, ...] | None = None
    """What the person wears or carries where the photo does not look, such as "a backpack"; for clip and all."""
    minutes: float | None = None
    """Training time; finding person and body comes before. Default: 4."""
    steps: int | None = None
    """Training steps of both stages each, as a second limit."""
    seed: int | None = None
    """Of everything random. Default: 0."""
    overwrite: bool = False
    """Replace the run that the folder may hold."""
    device: str = "auto"
    """What computes: cpu, cuda or cuda:N; auto takes CUDA where nfield doctor says that it works."""
    resume: bool = False
    """Go on with the fit in the folder, with the photo and the options that it was begun with, whatever ended it."""


def fit_config(options: FitOptions) -> FitConfig:
    """How the avatar is made."""
    config, seed = _field(options.field or _FIELD), _SEED if options.seed is None else options.seed
    minutes = _MINUTES if options.minutes is None else options.minutes
    semantic = _semantic(options)
    stages = default_stages if semantic is None else partial(guided_stages, semantic)
    return FitConfig(
        figure=FigureConfig(field=config),
        completion=NetworkCompletion() if (options.guidance or _DEFAULT) in _NETWORK else TextureRules(),
        stages=stages(initialises=config.initialises),
        budget=FitBudget(minutes, options.steps, seed),
    )


def require_encoder(config: FitConfig) -> None:
    """Loads what knows meanings once before anything is begun, so that wrong weights are told at once.

    Raises:
        NFieldError: It cannot be loaded.
    """
    for stage in config.stages:
        for term in getattr(stage, "terms", ()):
            if isinstance(term, SemanticTerm):
                term.encoder.load()


def _semantic(options: FitOptions) -> SemanticTerm | None:
    """The loss of meaning, where one is asked for."""
    if options.guidance not in _CLIP:
        given = {"--clip-model": options.clip_model, "--clip-weights": options.clip_weights, "--prompt": options.prompt}
        for name, value in given.items():
            if value:
                raise OptionError(
                    f"{name}: is given, but only clip and all use it; give --guidance all, or leave it out"
                )
        return None
    prompts = options.prompt or ()
    if options.clip_weights is None:
        if options.clip_model in (None, NAME):
            return SemanticTerm("meaning", PeopleSource(), prompts=prompts)
        raise OptionError(
            f"--clip-weights: is left out, but --clip-model is {options.clip_model}; give the checkpoint (.pt, "
            ".safetensors) of open_clip's architecture of that name, or leave both out to take the shipped model"
        )
    if options.clip_model == NAME:
        raise OptionError(
            f"--clip-weights: is given, but --clip-model {NAME} has its own; leave one of the two out, or give the "
            "JSON file of the architecture that the weights are of"
        )
    source = OpenClipSource(_model(options.clip_model) or _MODEL, str(_weights(options.clip_weights)))
    return SemanticTerm("meaning", source, prompts=prompts)


def _weights(path: Path | None) -> Path | None:
    """A file by its full path: a fit may go on from another folder."""
    return None if path is None else path.resolve()


def _model(name: str | None) -> str | None:
    """An architecture by its name, or its file by the full path; None for the shipped one."""
    if name == NAME:
        return None
    return str(Path(name).resolve()) if name is not None and Path(name).suffix == ".json" else name


def _field(backend: str) -> FieldConfig:
    """The options of an avatar's field."""
    if backend not in BACKENDS:
        raise OptionError(f"--field: is {backend!r}, expected one of {', '.join(BACKENDS)}; give one of these")
    return BACKENDS[backend].for_person()


def resumed(options: FitOptions) -> FitOptions:
    """The options of the fit in the folder, where they are left out.

    Raises:
        OptionError: Some are given that are not those of the fit.
        CheckpointError: The folder's run is finished.
    """
    folder = FitFolder(options.out)
    folder.require_unfinished()
    record = folder.record()
    if record is None:
        return options
    before = _options_of(record, options.out)
    options = replace(options, clip_model=_model(options.clip_model), clip_weights=_weights(options.clip_weights))
    given = {name: getattr(options, name) for name in before}
    for name in ("person", "focal", "field", "minutes", "steps", "seed", *_GUIDANCE):
        if given[name] is not None and given[name] != before[name]:
            raise OptionError(
                f"--{name.replace('_', '-')}: is {given[name]}, but the fit in {options.out} was begun with "
                f"{'none' if before[name] is None else before[name]}; "
                "leave it out to go on with that, or begin anew with --overwrite"
            )
    return replace(options, **{name: before[name] for name, value in given.items() if value is None})


def _options_of(record: FitRecord, where: Path) -> Mapping[str, Any]:
    """Options of the command as a fit was begun with them; whether files are the same tells their content."""
    files, name = record.files, record.options.get("figure.field")
    return {
        "photo": files.photo,
        "person": files.person,
        "mask": files.mask if files.use_alpha else Path("none"),
        "keypoints": files.keypoints,
        "body": files.body,
        "focal": files.focal,
        "field": next((key for key, kind in BACKENDS.items() if kind.__name__ == name), None),
        **_guidance(record, where),
        **{option: _budget(record, option, hint, where) for option, hint in _BUDGET.items()},
    }


def _guidance(record: FitRecord, where: Path) -> Mapping[str, Any]:
    """The options of what a fit was begun with that says what the photo does not show."""
    term = next((name for name, kind in record.options.items() if kind == SemanticTerm.__name__), None)
    network = record.options.get("completion") == NetworkCompletion.__name__
    if term is None:
        return {**dict.fromkeys(_GUIDANCE), "guidance": "network" if network else "rules"}
    guidance = "all" if network else "clip"
    prompts = tuple(str(text) for name, text in record.options.items() if name.startswith(f"{term}.prompts."))
    if record.options.get(f"{term}.encoder") == PeopleSource.__name__:
        return dict(zip(_GUIDANCE, (guidance, None, None, prompts), strict=True))
    model, weights = (
        typed(
            hint,
            record.options.get(f"{term}.encoder.{name}"),
            f"{where / RUN_FILE}: plan.options.{term}.encoder.{name}",
        )
        for name, hint in (("model", str), ("weights", str))
    )
    return dict(zip(_GUIDANCE, (guidance, model, Path(weights), prompts), strict=True))


def _budget(record: FitRecord, option: str, hint: Any, where: Path) -> Any:  # noqa: ANN401 - of the type that is hinted
    name = f"budget.{option}"
    return typed(hint, record.options.get(name), f"{where / RUN_FILE}: plan.options.{name}")


def photo_files(options: FitOptions) -> PhotoFiles:
    """The photo, and what is known about it."""
    if options.photo is None:
        raise OptionError(
            f"PHOTO: is left out, and {options.out} holds no fit to go on with; give the photo, "
            "or the folder of a fit that was begun to --out"
        )
    no_mask = str(options.mask) == "none"
    mask = None if no_mask else options.mask
    return PhotoFiles(options.photo, options.person, mask, not no_mask, options.keypoints, options.body, options.focal)
