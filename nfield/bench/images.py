"""Pictures fitted by adaptive radial bases and by hash grids of one total size, with one network and schedule.

Pictures are cut to their middle square and made 256 pixels wide by area averaging, as NeuRBF's comparison on small
pictures does (section 4.1). Every variant gets the same steps over all pixels, learning rates, width of the network and
seed.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from nfield.data.picture import Picture, load_picture
from nfield.encodings.initial_centers import CentersRule
from nfield.fields.signal import BY_SIZE, HashSignalConfig, RbfSignalConfig, SignalConfig
from nfield.pictures.initialisation import EXPONENT
from nfield.pictures.measures import measures
from nfield.pictures.run import ImagePlan, made_smaller, sized_for, start_run
from nfield.pictures.task import image_optim
from nfield.training.loop import TrainConfig, train

SHIPPED = ("astronaut", "chelsea", "coffee", "rocket", "motorcycle_left", "hubble_deep_field", "camera", "moon")
"""Photographs inside scikit-image's wheel, by name."""

SIDE = 256
_SHARE = 4


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

VARIANTS: Mapping[str, Variant] = {
    "hash": Variant(HashSignalConfig()),
    "hash, sines": Variant(HashSignalConfig(sines=BY_SIZE)),
    "rbf": Variant(_RBF),
    "rbf, exponent 1": Variant(_RBF, exponent=1.0),
    "rbf, random": Variant(_RBF, "random"),
    "rbf 1/4": Variant(_RBF, share=_SHARE),
    "rbf 1/4, weighted": Variant(_RBF, "weighted", _SHARE),
    "rbf 1/4, random": Variant(_RBF, "random", _SHARE),
}
"""By name. "hash" is instant-ngp's picture field; with sines it has NeuRBF's first layer, too."""

QUESTIONS = (
    ("rbf", "hash"),
    ("rbf", "hash, sines"),
    ("rbf", "rbf, exponent 1"),
    ("rbf", "rbf, random"),
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
        psnr: Of the unquantised values, decibels.
        ssim: Structural similarity.
        trainable: Numbers that are trained.
        total: All numbers, with frozen centres and shapes.
        placing_seconds: Time of placing kernels.
        training_seconds: Time of training.
    """

    picture: str
    variant: str
    psnr: float
    ssim: float
    trainable: int
    total: int
    placing_seconds: float
    training_seconds: float


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


def fit_pictures(pictures: Mapping[str, Path], variants: Sequence[str], *, steps: int, seed: int = 0) -> Iterator[Fit]:
    """Fits every picture by every variant, one after the other; all are read first.

    Args:
        pictures: Files by name.
        variants: Names in `VARIANTS`.
        steps: Of training; the learning rates fall over them.
        seed: Of everything random.
    """
    budget = TrainConfig(None, steps, image_optim(), seed)
    read = {name: middle_square(load_picture(path)) for name, path in pictures.items()}
    for name, pixels in read.items():
        for variant in variants:
            yield _fitted(name, pixels, variant, budget)


def _fitted(name: str, pixels: Picture, variant: str, budget: TrainConfig) -> Fit:
    chosen = VARIANTS[variant]
    plan = ImagePlan(name, budget, chosen.placing, pixels.size, pixels.channels, chosen.exponent)
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
        name, variant, found.psnr, found.ssim or 0.0, trainable, total, run.placing_seconds, result.state.seconds
    )


def mean_gain(fits: Sequence[Fit], variant: str, over: str) -> tuple[float, int, int]:
    """Mean gain of a variant over another in decibels, on how many pictures it is better, and of how many."""
    values = {(fit.picture, fit.variant): fit.psnr for fit in fits}
    pictures = [name for name, which in values if which == variant and (name, over) in values]
    gains = [values[name, variant] - values[name, over] for name in pictures]
    return sum(gains) / len(gains), sum(gain > 0.0 for gain in gains), len(gains)
