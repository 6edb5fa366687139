"""What became of a conversion: figures as JSON, and a page with pictures that needs no other file."""

import base64
import html
import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from statistics import mean, median
from typing import Any

import torch
from jaxtyping import Float
from PIL import Image
from torch import Tensor

from distill.compare import Pair
from distill.run import ConvertRun
from nfield.checkpoint import FILE, backend_of
from nfield.data.picture_files import side_by_side, to_bytes, write_png
from nfield.fields import BACKENDS, Field, FieldConfig
from nfield.metrics import psnr, ssim
from nfield.training.loop import TrainState
from nfield.training.run_folder import write_json
from nfield.types import Box
from nfield.whole_file import write_atomically

_ERROR_SCALE = 5.0
_SHOWN_HEIGHT = 400
_STYLE = (
    "body{font:15px/1.5 system-ui,sans-serif;max-width:1300px;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}"
    "td,th{padding:.25em .9em;text-align:right;border-bottom:1px solid #ddd}"
    "th:first-child,td:first-child{text-align:left}figure{display:inline-block;margin:0 .5em 1em 0}"
    "figcaption{font-size:13px;color:#555}img{max-width:100%;background:#eee}"
)


def figures(begun: ConvertRun, state: TrainState, pairs: Sequence[Pair], *, views: str) -> dict[str, Any]:
    """Everything that was measured of a conversion.

    Args:
        begun: The conversion, done.
        state: Where its training ended.
        pairs: Views of teacher and student.
        views: What they are, in words.
    """
    teacher = begun.source.checkpoint
    report: dict[str, Any] = {
        "teacher": {
            "run": begun.plan.run,
            **_size(backend_of(teacher), begun.source.teacher.shown.field, Path(begun.plan.run) / FILE),
            "training_seconds": round(teacher.seconds, 1),
            "ms_per_view": round(1e3 * median(pair.teacher_seconds for pair in pairs), 1),
        },
        "student": student_figures(begun.config, begun.field, begun.folder, pairs),
        "seconds": round(state.seconds, 1),
        "steps": state.step,
        "schedule": begun.plan.distill.schedule,
        "active": [name for name in ("poses", "rays", "points") if getattr(begun.plan.distill.active, name)],
        "fidelity_asked": begun.plan.fidelity,
        "levels": sorted(level.value for level in begun.task.levels),
        "inherited": list(begun.inherited),
        **agreement(pairs, begun.source.box, views=views),
    }
    return report


def agreement(pairs: Sequence[Pair], box: Box, *, views: str) -> dict[str, Any]:
    """How far teacher and student show the same: the part of a report that every conversion has.

    Args:
        pairs: Views of both, at least one.
        box: Of the scene.
        views: What they are, in words.
    """
    found: dict[str, Any] = {
        "views": views,
        "size": list(pairs[0].teacher.shape[:2]),
        "student_to_teacher": _agreement([(pair.student, pair.teacher) for pair in pairs]),
        "depth_error": _depth_error(pairs, box),
        "student_to_teacher_on_its_grid": _agreement([(pair.inherited_grid, pair.teacher) for pair in pairs]),
        "each": [{"view": pair.name, "psnr": _db(pair.psnr), "ssim": round(pair.ssim, 4)} for pair in pairs],
    }
    photos = [(pair, pair.photo) for pair in pairs if pair.photo is not None]
    if photos:
        found["teacher_to_photos"] = _agreement([(pair.teacher, photo) for pair, photo in photos])
        found["student_to_photos"] = _agreement([(pair.student, photo) for pair, photo in photos])
    return found


def student_figures(config: FieldConfig, field: Field, folder: Path, pairs: Sequence[Pair]) -> dict[str, Any]:
    """What a student is, and how long a view takes.

    Args:
        config: Its options.
        field: The student.
        folder: Its run folder.
        pairs: Views of it, at least one.
    """
    return {
        "run": str(folder),
        **_size(_name(config), field, folder / FILE),
        "ms_per_view": round(1e3 * median(pair.student_seconds for pair in pairs), 1),
    }


def write_report(folder: Path, report: Mapping[str, Any], pairs: Sequence[Pair], *, pictures: int = 4) -> None:
    """Writes `report.json`, `report.html` and `compare/NNN.png` (teacher, student, difference) into a run folder.

    Args:
        folder: The run folder.
        report: From `figures`.
        pairs: Views.
        pictures: How many of them the page shows.
    """
    write_json(folder / "report.json", report)
    write_atomically(folder / "report.html", _page(report, pairs[:pictures]).encode())
    for index, pair in enumerate(pairs):
        shown = side_by_side([pair.teacher, pair.student, error_picture(pair)])
        write_png(folder / "compare" / f"{index:03d}.png", shown)


def error_picture(pair: Pair) -> Float[Tensor, "h w 3"]:
    """Absolute difference of student and teacher, five times as bright."""
    return ((pair.student - pair.teacher).abs() * _ERROR_SCALE).clamp(0.0, 1.0)


def summary(report: Mapping[str, Any]) -> str:
    """The figures in a line."""
    to_teacher = report["student_to_teacher"]
    line = f"student to teacher {to_teacher['psnr']:.2f} dB, SSIM {to_teacher['ssim']:.4f}"
    if "student_to_photos" in report:
        line += (
            f"; to the photos {report['student_to_photos']['psnr']:.2f} dB "
            f"(teacher {report['teacher_to_photos']['psnr']:.2f} dB)"
        )
    return line


def _name(config: FieldConfig) -> str:
    return next(name for name, known in BACKENDS.items() if known is type(config))


def _size(backend: str, field: Field, file: Path) -> dict[str, Any]:
    return {
        "backend": backend,
        "parameters": sum(parameter.numel() for parameter in field.parameters()),
        "field_megabytes": round(sum(t.numel() * t.element_size() for t in field.state_dict().values()) / 1e6, 2),
        "file_megabytes": round(file.stat().st_size / 1e6, 2) if file.is_file() else None,
    }


def _agreement(images: Sequence[tuple[Tensor, Tensor]]) -> dict[str, float]:
    """Means over views of PSNR, decibels, and SSIM."""
    return {
        "psnr": _db(mean(psnr(own, other) for own, other in images)),
        "ssim": round(mean(ssim(own, other) for own, other in images), 4),
    }


def _depth_error(pairs: Sequence[Pair], box: Box) -> dict[str, float] | None:
    """Mean over views, metres, and as a percentage of the diagonal of the scene's box; None where nothing is opaque."""
    known = [pair.depth_error for pair in pairs if pair.depth_error is not None]
    if not known:
        return None
    metres = mean(known)
    return {"metres": round(metres, 5), "percent": round(100.0 * metres / float(box.size.norm()), 4)}


def _db(value: float) -> float:
    """Decibels for JSON, which knows no infinity."""
    return round(min(value, 999.0), 3)


def _page(report: Mapping[str, Any], pairs: Sequence[Pair]) -> str:
    teacher, student = report["teacher"], report["student"]
    title = f"{teacher['backend']} to {student['backend']}"
    rows = [
        ("", "teacher", "student"),
        ("architecture", teacher["backend"], student["backend"]),
        ("parameters", f"{teacher['parameters']:,}", f"{student['parameters']:,}"),
        ("field, MB", teacher["field_megabytes"], student["field_megabytes"]),
        ("ms a view", teacher["ms_per_view"], student["ms_per_view"]),
        ("training, s", teacher["training_seconds"] or "-", report["seconds"]),
    ]
    if "student_to_photos" in report:
        rows.append(("PSNR to photos, dB", *(report[f"{one}_to_photos"]["psnr"] for one in ("teacher", "student"))))
        rows.append(("SSIM to photos", *(report[f"{one}_to_photos"]["ssim"] for one in ("teacher", "student"))))
    agreement, on_grid = report["student_to_teacher"], report["student_to_teacher_on_its_grid"]
    apart = report["depth_error"]
    depth = (
        "" if apart is None else f" Depths differ by {apart['metres']} m, {apart['percent']} % of the box's diagonal."
    )
    levels = ", ".join(report["levels"]) or "colours of rays alone"
    text = (
        f"Student to teacher: <b>{agreement['psnr']} dB</b>, SSIM {agreement['ssim']}, rendered by the student's own "
        f"occupancy grid; by the teacher's {on_grid['psnr']} dB.{depth} Means over {len(report['each'])} views "
        f"({html.escape(report['views'])}) of {report['size'][1]}x{report['size'][0]} pixels. "
        f"{report['steps']} steps of the schedule &ldquo;{report['schedule']}&rdquo;; compared levels: "
        f"{levels}; inherited: {', '.join(report['inherited']) or 'none'}."
    )
    parts = [
        "<!doctype html><html lang=en><meta charset=utf-8>",
        f"<title>{title}</title><style>{_STYLE}</style><h1>{title}</h1>",
        _table(rows),
        f"<p>{text}</p>",
        *(_figure_row(pair) for pair in pairs),
        "</html>",
    ]
    return "\n".join(parts)


def _table(rows: Sequence[Sequence[Any]]) -> str:
    head = "".join(f"<th>{html.escape(str(cell))}</th>" for cell in rows[0])
    body = ("<tr>" + "".join(f"<td>{html.escape(str(cell))}</td>" for cell in row) + "</tr>" for row in rows[1:])
    return f"<table><tr>{head}</tr>{''.join(body)}</table>"


def _figure_row(pair: Pair) -> str:
    shown = [("teacher", pair.teacher), (f"student, {pair.psnr:.2f} dB", pair.student)]
    shown.append((f"difference, {_ERROR_SCALE:g} times", error_picture(pair)))
    if pair.photo is not None:
        shown.append(("photo", pair.photo))
    figures = (
        f'<figure><img alt="{html.escape(text)}" src="data:image/png;base64,{_encoded(image)}">'
        f"<figcaption>{html.escape(text)}</figcaption></figure>"
        for text, image in shown
    )
    return f"<h3>{html.escape(pair.name)}</h3><div>{''.join(figures)}</div>"


def _encoded(image: Float[Tensor, "h w 3"]) -> str:
    """A PNG file in base 64, made smaller where it is large."""
    height, width = image.shape[:2]
    if height > _SHOWN_HEIGHT:
        size = (_SHOWN_HEIGHT, max(1, round(width * _SHOWN_HEIGHT / height)))
        image = torch.nn.functional.interpolate(image.permute(2, 0, 1)[None], size, mode="area")[0].permute(1, 2, 0)
    content = io.BytesIO()
    Image.fromarray(to_bytes(image).numpy()).save(content, format="PNG")
    return base64.b64encode(content.getvalue()).decode()
