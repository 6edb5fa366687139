"""The picture of a training: its quality over seconds."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nfield.training.quality import PSNR, Quality
from nfield.whole_file import write_atomically


def draw_curve(
    rows: Sequence[Mapping[str, Any]], path: Path, *, tested_on: str = "held-out views", quality: Quality = PSNR
) -> None:
    """Draws the quality of training batches and of what is evaluated over training time.

    Args:
        rows: Rows of a log, with `seconds` and, for PSNR, `train_psnr` and `test_psnr` (None where unknown).
        path: The PNG file to write.
        tested_on: What that is.
        quality: What the columns hold.
    """
    # Imported here: it takes half a second, and only those who train need it.
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(7.0, 4.0), dpi=120, layout="constrained")
    axes = figure.add_subplot()
    train, test = f"train_{quality.name}", f"test_{quality.name}"
    tested = [row for row in rows if row.get(test) is not None]
    trained = [row for row in rows if row.get(train) is not None]
    seconds = [row["seconds"] for row in trained]
    axes.plot(seconds, [row[train] for row in trained], color="0.6", label="training batches")
    test_seconds = [row["seconds"] for row in tested]
    axes.plot(test_seconds, [row[test] for row in tested], "o-", color="tab:blue", label=tested_on)
    if tested:
        last = tested[-1]
        axes.annotate(
            quality.shown(last[test]),
            (last["seconds"], last[test]),
            xytext=(-4, 8),
            textcoords="offset points",
            ha="right",
        )
    axes.set(xlabel="training time (s)", ylabel=quality.axis, yscale="log" if quality.logarithmic else "linear")
    axes.grid(alpha=0.3)
    axes.legend(loc="upper right" if quality.logarithmic else "lower right")
    content = io.BytesIO()
    FigureCanvasAgg(figure).print_png(content)
    write_atomically(path, content.getvalue())
