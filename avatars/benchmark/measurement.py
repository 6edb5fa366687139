"""From one photo to the figures of one cell: fit an avatar, look at it from everywhere, compare."""

import os
import time
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from pathlib import Path

from avatars.benchmark.cell import FORMAT, Cell, Settings
from avatars.benchmark.contact_sheet import SOURCE, shown
from avatars.benchmark.methods import Fitted
from avatars.benchmark.metrics import Chest
from avatars.benchmark.rows import rows
from avatars.benchmark.scores import UNSEEN_SIDES, ViewScore, copied_print, label_means, means, score_view
from avatars.benchmark.tracks import TRACKS, Track
from avatars.benchmark.truth_cache import CachedTruth
from avatars.benchmark.views import BINS, PHOTO_POSE, PoseViews, held_out
from avatars.body import BodyModel
from avatars.report import peak_memory
from nfield.data.picture_files import write_png
from nfield.metrics import intersection_over_union, psnr
from nfield.training.run_folder import write_json


def measure(cell: Cell, out: Path, truth: CachedTruth, settings: Settings) -> None:
    """Fits one avatar, looks at it from everywhere and writes its figures."""
    track, method, model = TRACKS[cell.track], rows()[cell.row], BodyModel.load()
    begun = time.perf_counter()
    fitted = method.fit(track.case(model, truth, minutes=settings.minutes, seed=settings.seed))
    seconds, memory, load = time.perf_counter() - begun, own_peak_memory(), _load()
    source = _source(fitted, truth, cell.pictures(out))
    views = list(_views(fitted, track, model, truth, held_out(model, truth.pose, settings.plan), cell.pictures(out)))
    write_json(cell.pictures(out) / "views.json", {"views": [score.to_json() for score in views]})
    figures = {
        "format": FORMAT,
        **asdict(cell),
        "truth": truth.key,
        "settings": settings.to_json(),
        "seconds": round(seconds, 1),
        "memory_gb": None if memory is None else round(memory, 2),
        "load": load,
        "source": source,
        "bins": {name: means(views, [name]) for name in BINS},
        "label_differences": label_means(views, UNSEEN_SIDES),
        "print_on_back": copied_print(views),
        "measuring_seconds": round(time.perf_counter() - begun - seconds, 1),
    }
    write_json(cell.file(out), figures)


def _views(
    fitted: Fitted,
    track: Track,
    model: BodyModel,
    truth: CachedTruth,
    scenes: Sequence[PoseViews],
    pictures: Path,
) -> Iterable[ViewScore]:
    wanted = {view.name for view in shown([view for scene in scenes for view in scene.views])}
    for scene in scenes:
        in_photo = scene.views[0].pose == PHOTO_POSE
        compared = track.compared(model, fitted, scene, in_photo=in_photo)
        render = fitted.posed(compared.pose)
        chest = Chest.of(model.joints(scene.pose))
        for index, view in enumerate(scene.views):
            image = render(compared.cameras, index)
            if view.name in wanted:
                write_png(pictures / f"{view.name}.png", image.color)
            yield score_view(view, image, truth, chest, scene.cameras, index)


def _source(fitted: Fitted, truth: CachedTruth, pictures: Path) -> dict[str, float]:
    """The training view: the photo itself."""
    photo, alpha = truth.photo()
    image = fitted.posed(fitted.pose)(fitted.camera, 0)
    target = photo.float() / 255.0 * alpha[..., None] + 1.0 - alpha[..., None]
    write_png(pictures / f"{SOURCE}.png", image.color)
    return {
        "psnr": round(psnr(image.color, target, mask=alpha > 0.5), 3),
        "iou": round(intersection_over_union(image.opacity > 0.5, alpha > 0.5), 4),
    }


def own_peak_memory() -> float | None:
    """Most memory that this process itself has held, GB; None where the system does not tell it.

    What `getrusage` tells of a process includes, on Linux, what its parent held when it started it.
    """
    status = Path("/proc/self/status")
    lines = status.read_text(encoding="utf-8").splitlines() if status.is_file() else []
    peak = next((line.split()[1] for line in lines if line.startswith("VmHWM:")), None)
    return peak_memory() if peak is None else int(peak) * 1024.0 / 1e9


def _load() -> float | None:
    """Jobs that wanted the machine in the last minute."""
    return round(os.getloadavg()[0], 1) if hasattr(os, "getloadavg") else None
