"""How long training steps of radial bases take beside those of a hash grid of the same size, in turns.

Both train the same way on the same data: a photograph, signed distances of a mesh, a scene. A round is some steps of
the one and then of the other, so that a slow phase of the machine hits both; what is compared are medians of rounds.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import median

import numpy as np
import trimesh

from nfield.bench.device import SceneCheck
from nfield.bench.images import middle_square, shipped_pictures
from nfield.data.picture import load_picture
from nfield.devices import CPU
from nfield.fields.distance import DISTANCES
from nfield.fields.signal import SIGNALS
from nfield.pictures.run import ImagePlan
from nfield.pictures.run import start_run as start_picture
from nfield.pictures.task import image_optim
from nfield.shapes.run import ShapePlan
from nfield.shapes.run import start_run as start_shape
from nfield.shapes.signed_distance import distance_to
from nfield.shapes.task import Sampling, distance_optim
from nfield.shapes.user_mesh import normalised, read_mesh
from nfield.training.loop import TrainConfig, TrainState, train
from nfield.training.scene import preset
from nfield.training.scene_run import ScenePlan, start_run
from nfield.training.task import Task

FIELDS = ("hash", "rbf")
"""What is compared, the reference first."""
_SIDE = 512
_MINUTES = 3.0
_NOWHERE = Path("bench")
_NOT_COUNTED = {"low", "high", "extent", "placed"}


@dataclass(frozen=True)
class Training:
    """A training that has not begun.

    Attributes:
        task: What is trained.
        plan: Its optimiser.
        numbers: Size of the field, with frozen centres and shapes.
    """

    task: Task
    plan: TrainConfig
    numbers: int


@dataclass(frozen=True)
class StepTimes:
    """What a step takes.

    Attributes:
        what: What is trained.
        milliseconds: Median over the rounds, by name of the field.
        numbers: Sizes of the fields.
    """

    what: str
    milliseconds: Mapping[str, float]
    numbers: Mapping[str, int]

    @property
    def ratio(self) -> float:
        """How many times as long as the reference's a step of radial bases takes."""
        reference, other = (self.milliseconds[name] for name in FIELDS)
        return other / reference


def step_times(
    *, rounds: int, steps: int, picture: Path | None = None, mesh: Path | None = None, data: Path | None = None
) -> Iterator[StepTimes]:
    """The times of all three trainings, one after the other.

    Args:
        rounds: Timed rounds, after one that is not.
        steps: Steps of a field in a round.
        picture: A file; one of scikit-image's photographs where it is left out.
        mesh: A file; a sphere with bumps where it is left out.
        data: A data set; a scene that is computed where it is left out.
    """
    made: dict[str, Callable[[str], Training]] = {
        "picture": lambda name: _picture(name, picture),
        "signed distance": lambda name: _shape(name, mesh),
        "scene": lambda name: _scene(name, data),
    }
    for what, make in made.items():
        trainings = {name: make(name) for name in FIELDS}
        seconds = in_turns(trainings, rounds=rounds, steps=steps)
        milliseconds = {name: 1e3 * median(times) for name, times in seconds.items()}
        yield StepTimes(what, milliseconds, {name: training.numbers for name, training in trainings.items()})


def in_turns(trainings: Mapping[str, Training], *, rounds: int, steps: int) -> dict[str, list[float]]:
    """Seconds of a step of each training in each round; a first round is not counted.

    Args:
        trainings: By name.
        rounds: That count.
        steps: Of each training in a round.
    """
    states: dict[str, TrainState | None] = dict.fromkeys(trainings)
    seconds: dict[str, list[float]] = {name: [] for name in trainings}
    for turn in range(rounds + 1):
        for name, training in trainings.items():
            before = states[name]
            plan = TrainConfig(None, (turn + 1) * steps, training.plan.optim, training.plan.seed)
            after = states[name] = train(training.task, plan, state=before).state
            if before is not None:
                seconds[name].append((after.seconds - before.seconds) / steps)
    return seconds


def _picture(name: str, path: Path | None) -> Training:
    picture = middle_square(load_picture(path or next(iter(shipped_pictures().values()))), _SIDE)
    budget = TrainConfig(None, 1, image_optim(picture.size))
    plan = ImagePlan("bench", budget, "kmeans", picture.size, picture.channels)
    begun = start_picture(_NOWHERE, plan, SIGNALS[name](), picture)
    return Training(begun.task, budget, begun.task.signal.counts()[1])


def _shape(name: str, path: Path | None) -> Training:
    mesh = normalised([_bumpy_sphere()], where=_NOWHERE) if path is None else read_mesh(path)
    budget = TrainConfig(None, 1, distance_optim())
    plan = ShapePlan("bench", budget, "kmeans", Sampling(), mesh.world)
    begun = start_shape(_NOWHERE, plan, DISTANCES[name](), distance_to(mesh, where=path or _NOWHERE))
    return Training(begun.task, budget, begun.task.signal.counts()[1])


def _bumpy_sphere() -> trimesh.Trimesh:
    sphere = trimesh.creation.icosphere(subdivisions=6)
    bumps = np.prod(np.sin(12.0 * sphere.vertices), axis=1, keepdims=True)
    sphere.vertices = sphere.vertices * (1.0 + 0.05 * bumps)
    return sphere


def _scene(name: str, data: Path | None) -> Training:
    scene, chosen = SceneCheck(CPU, _NOWHERE, data).scene, preset(_MINUTES, backend=name)
    budget = TrainConfig(None, 1, chosen.optim)
    plan = ScenePlan("bench", budget, chosen.radiance, scene.train.cameras.size)
    task = start_run(_NOWHERE, plan, chosen.field, scene).setup.task
    values = [value for name, value in task.field.state_dict().items() if name.split(".")[-1] not in _NOT_COUNTED]
    return Training(task, budget, sum(value.numel() for value in values))
