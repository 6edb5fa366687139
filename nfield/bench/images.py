"""Pictures fitted by adaptive radial bases and by hash grids of one total size, with one network and schedule.

Pictures are cut to their middle square and made 256 pixels wide by area averaging, as NeuRBF's comparison on small
pictures does (section 4.1), or as wide as is asked for. Every variant gets the same steps and batches, learning rates,
width of the network and seed.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch

from nfield.data.picture import Picture, load_picture
from nfield.encodings.initial_centers import CentersRule
from nfield.fields.signal import BY_SIZE, HashSignalConfig, RbfSignalConfig, Signal, SignalConfig
from nfield.metrics import psnr
from nfield.pictures.alpha import straight
from nfield.pictures.initialisation import EXPONENT
from nfield.pictures.measures import measures
from nfield.pictures.run import ImagePlan, made_smaller, sized_for, start_run
from nfield.pictures.task import image_optim
from nfield.training.loop import TrainConfig, train

SHIPPED = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle_left", "hubble_deep_field", "camera", "moon")
"""Photographs inside scikit-image's wheel, by name."""

SIDE = 256
_SHARE = 4
_COMPACT = 12


@dataclass(frozen=True)
class Variant:
    """What is fitted.

    Attributes:
        config: Options of the signal.
        placing: How kernels are placed.
        share: Kernels are this many times fewer than an equal size affords.
        exponent: Power of a pixel's change that weighs it when they are placed.
    """

    config: SignalConfig
    placing: CentersRule = "kmeans"
    share: int = 1
    exponent: float = EXPONENT


_RBF = RbfSignalConfig()


def _bases(**options: bool | tuple[float, float] | None) -> RbfSignalConfig:
    return replace(_RBF, bases=replace(_RBF.bases, **options))  # pyright: ignore[reportArgumentType] - one of its fields


VARIANTS: Mapping[str, Variant] = {
    "hash": Variant(HashSignalConfig()),
    "hash, sines": Variant(HashSignalConfig(sines=BY_SIZE)),
    "rbf": Variant(_RBF),
    "rbf, compact": Variant(replace(_RBF, log2_table_size=_COMPACT)),
    "rbf, isotropic": Variant(_bases(isotropic=True)),
    "rbf, tent": Variant(replace(_RBF, bases=replace(_RBF.bases, kernel="tent"))),
    "rbf, sines of kernels": Variant(replace(_RBF, sines=None)),
    "rbf, sines of features": Variant(_bases(frequencies=None)),
    "rbf, no sines": Variant(replace(_bases(frequencies=None), sines=None)),
    "rbf, exponent 1": Variant(_RBF, exponent=1.0),
    "rbf, random": Variant(_RBF, "random"),
    "rbf, lattice": Variant(_RBF, "lattice"),
    "rbf 1/4": Variant(_RBF, share=_SHARE),
    "rbf 1/4, weighted": Variant(_RBF, "weighted", _SHARE),
    "rbf 1/4, random": Variant(_RBF, "random", _SHARE),
}
"""By name. "hash" is instant-ngp's picture field; with sines it has NeuRBF's first layer, too, and is the hybrid
without radial bases. "rbf, compact" is as large as a hash grid of 2^12 entries a level would be."""

QUESTIONS = (
    ("rbf", "hash"),
    ("rbf", "hash, sines"),
    ("rbf, compact", "hash"),
    ("rbf", "rbf, isotropic"),
    ("rbf", "rbf, tent"),
    ("rbf", "rbf, sines of kernels"),
    ("rbf", "rbf, sines of features"),
    ("rbf", "rbf, no sines"),
    ("rbf", "rbf, exponent 1"),
    ("rbf", "rbf, random"),
    ("rbf", "rbf, lattice"),
    ("rbf 1/4", "rbf 1/4, weighted"),
    ("rbf 1/4", "rbf 1/4, random"),
)
"""Which variant is worth how much more than which: radial bases, their encoding alone, and where they lie."""


@dataclass(frozen=True)
class Fit:
    """One picture fitted by one variant.

    Attributes:
        picture: Its name.
        variant: Its name.
        side: Edge of the picture, pixels.
        steps: Of training.
        seed: Of everything random.
        psnr: Of the values, clipped, decibels.
        between: PSNR between the pixels that were fitted, where every other one was; None where all were.
        ssim: Structural similarity.
        trainable: Numbers that are trained.
        total: All numbers, with frozen centres and shapes.
        placing_seconds: Time of placing kernels.
        training_seconds: Time of training.
    """

    picture: str
    variant: str
    side: int
    steps: int
    seed: int
    psnr: float
    between: float | None
    ssim: float
    trainable: int
    total: int
    placing_seconds: float
    training_seconds: float

    @property
    def asked(self) -> "Asked":
        """What was asked for."""
        return Asked(self.picture, self.variant, self.side, self.steps, self.seed, self.between is not None)


@dataclass(frozen=True)
class Asked:
    """What a fit is made for; see `Fit`. With `every_other`, rows and columns 0, 2, 4 and so on are fitted."""

    picture: str
    variant: str
    side: int
    steps: int
    seed: int
    every_other: bool


def shipped_pictures() -> dict[str, Path]:
    """Files of scikit-image's photographs, which come with its wheel."""
    import skimage.data

    folder = Path(skimage.data.__file__).parent
    found = {name: next(folder.glob(f"{name}.*"), None) for name in SHIPPED}
    return {name: path for name, path in found.items() if path is not None}


def middle_square(picture: Picture, side: int = SIDE) -> Picture:
    """The middle square of a picture, made `side` pixels wide; grey stays grey, alpha is dropped."""
    height, width = picture.size
    edge = min(height, width)
    top, left = (height - edge) // 2, (width - edge) // 2
    cut = Picture(picture.stored[top : top + edge, left : left + edge, : min(picture.channels, 3)])
    return made_smaller(cut, (min(side, edge), min(side, edge)))


def fit_pictures(pictures: Mapping[str, Path], wanted: Iterable[Asked]) -> Iterator[Fit]:
    """Fits pictures, one after the other; all are read first.

    Args:
        pictures: Files by name.
        wanted: What is fitted by what.
    """
    wanted = list(wanted)
    sides = dict.fromkeys((one.picture, one.side) for one in wanted)
    read = {(name, side): middle_square(load_picture(pictures[name]), side) for name, side in sides}
    for one in wanted:
        yield _fitted(one, read[one.picture, one.side])


def _fitted(asked: Asked, whole: Picture) -> Fit:
    chosen = VARIANTS[asked.variant]
    pixels = Picture(np.ascontiguousarray(whole.stored[::2, ::2])) if asked.every_other else whole
    budget = TrainConfig(None, asked.steps, image_optim(pixels.size), asked.seed)
    plan = ImagePlan(asked.picture, budget, chosen.placing, pixels.size, pixels.channels, chosen.exponent)
    config = sized_for(chosen.config, pixels)
    if isinstance(config, RbfSignalConfig):
        config = replace(config, bases=replace(config.bases, count=max(1, config.bases.count // chosen.share)))
    run = start_run(Path(), plan, config, pixels)
    result = train(run.task, budget)
    if result.interrupted:
        raise KeyboardInterrupt
    found = measures(run.decoded(), pixels)
    trainable, total = run.task.signal.counts()
    return Fit(
        picture=asked.picture, variant=asked.variant, side=asked.side, steps=asked.steps, seed=asked.seed,
        psnr=found.psnr, ssim=found.ssim or 0.0, trainable=trainable, total=total,
        between=_between(run.task.signal, whole) if asked.every_other else None,
        placing_seconds=run.placing_seconds, training_seconds=result.state.seconds,
    )  # fmt: skip


def _between(signal: Signal, whole: Picture) -> float:
    """PSNR at rows and columns 1, 3, 5 and so on, of a signal that was fitted to the others."""
    rows, columns = ((edge - 1) // 2 for edge in whole.size)  # what lies outside the last middles is left out
    fitted = ((whole.size[0] + 1) // 2, (whole.size[1] + 1) // 2)
    down, across = torch.meshgrid(torch.arange(rows), torch.arange(columns), indexing="ij")
    # Pixel 2 i of the whole is pixel i of what was fitted, whose middle is i + 1/2: the next one lies at i + 1.
    unit = torch.stack([(across + 1.0) / fitted[1], (down + 1.0) / fitted[0]], -1).reshape(-1, 2)
    with torch.no_grad():
        found = straight(signal(unit)).view(rows, columns, whole.channels)
    return psnr(found, Picture(whole.stored[1 : 2 * rows : 2, 1 : 2 * columns : 2]).whole())


def mean_gain(fits: Sequence[Fit], variant: str, over: str) -> tuple[float, int, int] | None:
    """Mean gain of a variant over another in decibels, on how many pictures it is better, and of how many.

    Pictures of several seeds count once, with their mean. None where no picture was fitted by both.
    """
    first, second = (mean_psnr(fits, name) for name in (variant, over))
    gains = [first[picture] - second[picture] for picture in first if picture in second]
    return (sum(gains) / len(gains), sum(gain > 0.0 for gain in gains), len(gains)) if gains else None


def mean_psnr(fits: Sequence[Fit], variant: str) -> dict[str, float]:
    """Mean PSNR of each picture over seeds, decibels: between pixels, where that was measured."""
    found: dict[str, list[float]] = {}
    for fit in fits:
        if fit.variant == variant:
            found.setdefault(fit.picture, []).append(fit.psnr if fit.between is None else fit.between)
    return {picture: sum(values) / len(values) for picture, values in found.items()}
