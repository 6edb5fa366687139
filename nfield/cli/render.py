"""`nfield render`: a video of whatever a run folder holds."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

import tyro

from nfield.cli.kinds import kind_at
from nfield.cli.options import at_least, parse_options, positive
from nfield.errors import OptionError

_TURN = 60
_TURN_RATE = 30.0
_EXAMPLES = (
    "nfield render runs/lego",
    "nfield render runs/lego --frames 120 --size 400 400 --out lego-orbit",
    "nfield render runs/lego --path camera_path.json",
    "nfield render lego.splats.ply",
    "nfield render runs/me --pose wave",
    "nfield render runs/me --motion dance",
    "nfield render runs/me --motion walk.bvh --camera follow",
)


@dataclass(frozen=True)
class Length:
    """How long a film is.

    Attributes:
        count: Of pictures.
        rate: Pictures per second.
    """

    count: int
    rate: float

    @property
    def seconds(self) -> float:
        """Of the film."""
        return self.count / self.rate


@dataclass(frozen=True)
class RenderOptions:
    """Film a scene, avatar or mesh (video, frames/NNN.png, strip.png), or decode a picture; Ctrl-C keeps what is."""

    run: Annotated[tyro.conf.Positional[Path], tyro.conf.arg(metavar="RUN")]
    """Folder that nfield train or nfield fit wrote, or a PLY file of Gaussian splats."""
    motion: str | None = None
    """Of an avatar: walk, run, wave, squat, turn, dance, idle; or a file (AMASS .npz, .bvh, .json) or a folder of body
    parameters."""
    camera: Literal["orbit", "front", "follow"] = "orbit"
    """How a motion is filmed: from all around, on the spot; from the front; or going along."""
    pose: str | None = None
    """Pose of an avatar, filmed from all around: a name (t-pose, a-pose, walk, ...) or a file of body parameters (npz).
    Default: t-pose."""
    path: Path | None = None
    """Of a scene: camera path to film along, a JSON file as nerfstudio writes it, in the world of the scene's files. It
    says how many pictures there are, how large and how fast."""
    frames: int | None = None
    """Pictures. Default: 60 around a circle; what --seconds and --fps say for a motion."""
    seconds: float | None = None
    """Length of the film. Default for a motion: whole cycles of at least 2 s, else all of it up to 10 s."""
    fps: float | None = None
    """Pictures per second. Default: 30 around a circle, 15 for a motion: a picture of 512x512 pixels of an avatar takes
    1 to 2 s on two cores, a second of its motion about 20 s."""
    size: tuple[int, int] | None = None
    """Height and width. Default: those of the photos, or of the path; 512 512 for an avatar or a mesh."""
    device: str = "auto"
    """What computes: cpu, cuda or cuda:N; auto takes CUDA where nfield doctor says that it works."""
    out: Path | None = None
    """Folder to write. Default: render/ in the run's; for an avatar the run's itself."""

    def turn(self) -> Length:
        """Of a film around something."""
        return self.length(rate=_TURN_RATE, seconds=_TURN / (self.fps or _TURN_RATE))

    def length(self, *, rate: float, seconds: float) -> Length:
        """Of a film, by what is given and otherwise these.

        Args:
            rate: Pictures per second.
            seconds: Its length.
        """
        chosen = self.fps or rate
        return Length(self.frames or max(1, round((self.seconds or seconds) * chosen)), chosen)

    def require_no_motion(self, what: str) -> None:
        """Refuses what only an avatar can do.

        Args:
            what: The run holds.
        """
        for name, given in (("--motion", self.motion is not None), ("--camera", self.camera != "orbit")):
            if given:
                raise OptionError(
                    f"{name}: {self.run} holds a {what}, which has no joints; leave {name} out, or give an avatar"
                )

    def require_no_path(self, what: str) -> None:
        """Refuses what only a scene can do.

        Args:
            what: The run holds.
        """
        if self.path is not None:
            raise OptionError(
                f"--path: {self.run} holds {what}, which is not filmed along a path; leave --path out, or give a scene"
            )


def parse(arguments: Sequence[str]) -> RenderOptions:
    """Options of this command."""
    return parse_options(RenderOptions, arguments, command="render", examples=_EXAMPLES)


def run(options: RenderOptions) -> None:
    """Renders, in the way of the kind of run."""
    _check(options)
    kind_at(options.run).render(options)


def _check(options: RenderOptions) -> None:
    at_least(options.frames, 1, name="--frames")
    for extent in options.size or ():
        at_least(extent, 2, name="--size")
    if options.frames is not None and options.seconds is not None:
        raise OptionError("--frames: --seconds says the same in another way; leave one of them out")
    for name, given in (("--frames", options.frames), ("--seconds", options.seconds)):
        if given is not None and options.path is not None:
            raise OptionError(f"{name}: {options.path} says how long the film is; leave {name} out")
    if options.seconds is not None:
        positive(options.seconds, name="--seconds", unit="seconds")
    if options.fps is not None:
        positive(options.fps, name="--fps", unit="pictures per second")
