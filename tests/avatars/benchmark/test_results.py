"""The table, from figures in files."""

import json
from pathlib import Path

import pytest

from avatars.benchmark.cell import FORMAT, Cell, Settings
from avatars.benchmark.results import Results, keep_command
from avatars.benchmark.views import BINS, ViewPlan
from nfield.errors import DataError

ROWS = ("today", "mean colours", "projection, mirrored fill")
SNAPSHOT = Path(__file__).with_name("results_snapshot.md")


def write_cell(out: Path, subject: str, track: str, row: str, *, level: float, settings: Settings) -> Path:
    """Figures that all grow with a level."""
    cell = Cell(subject, track, row)
    figures = {
        "psnr": 20.0 + level,
        "ssim": 0.8,
        "iou": 0.9 + 0.01 * level,
        "flip": 0.2,
        "sharpness": 0.1 * level,
        "edges": 0.5,
    }
    figures |= {"specks": level, "pin_holes": 2.0 * level, "color_difference": 5.0}
    figures |= {"true_specks": 0.25, "true_pin_holes": 0.75}
    content = {
        "format": FORMAT,
        **{"subject": subject, "track": track, "row": row, "truth": "0", "settings": settings.to_json()},
        **{"seconds": 100.0 * level, "memory_gb": 2.5, "load": 2.1, "measuring_seconds": 1.0},
        "source": {"psnr": 30.0 + level, "iou": 0.99},
        "bins": {name: {"views": index + 1, **figures} for index, name in enumerate(BINS)},
        "label_differences": {"top": 5.0, "hair": level} if row == "today" else {"top": 6.0},
        "print_on_back": 0.1 * level,
    }
    path = cell.file(out)
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(content))
    return path


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    settings = Settings(ViewPlan(azimuths=8, poses=("walk", "sit"), pose_azimuths=2), None, 0)
    for subject, extra in (("coat", 0.0), ("skirt", 1.0)):
        write_cell(tmp_path, subject, "A", "mean colours", level=1.0 + extra, settings=settings)
        write_cell(tmp_path, subject, "A", "today", level=2.0 + extra, settings=settings)
    write_cell(tmp_path, "coat", "C", "a row of tomorrow", level=3.0, settings=settings)
    keep_command(tmp_path, "nfield bench people --tracks A C")
    return tmp_path


def test_the_table_is_the_one_that_was_agreed_on(folder: Path):
    """After a wanted change: write `Results.load(folder, ROWS).markdown()` there anew."""
    assert Results.load(folder, ROWS).markdown() == SNAPSHOT.read_text()


def line(text: str, *start: str) -> list[str]:
    """The cells of the one line of a table that begins so."""
    (found,) = [row for row in text.splitlines() if row.startswith(f"| {' | '.join(start)} |")]
    return [cell.strip() for cell in found.strip("|").split("|")]


def test_figures_are_means_over_people(folder: Path):
    text = Results.load(folder, ROWS).markdown().split("## Track C")[0]
    assert line(text, "today", "back")[2:] == [
        "22.50",
        "0.800",
        "0.925",
        "0.200",
        "0.25",
        "0.50",
        "5.0",
        "2.5 (0.2)",
        "5.0 (0.8)",
    ]
    assert line(text, "today", "2 of 2")[2:] == ["32.50", "0.990", "0.990", "0.25", "250", "2.50", "2.1"]
    assert line(text, "coat", "today")[2:4] == ["32.00", "0.990"]


def test_labels_are_columns_and_means_over_the_people_who_wear_them(folder: Path):
    text = Results.load(folder, ROWS).markdown()
    assert "| row | hair | top |" in text
    assert line(text, "today", "2.5", "5.0")
    assert line(text, "mean colours", "-", "6.0")


def test_a_row_that_lacks_people_says_so(folder: Path):
    assert "| a row of tomorrow | 1 of 2 |" in Results.load(folder, ROWS).markdown()


def test_rows_keep_their_order_and_those_that_nobody_knows_come_last(folder: Path):
    text = Results.load(folder, ["mean colours", "today"]).markdown()
    assert text.index("| mean colours | fr") < text.index("| today | fr") < text.index("| a row of tomorrow | fr")


def test_figures_that_could_not_be_told_are_left_out_of_means(folder: Path):
    path = Cell("coat", "A", "today").file(folder)
    content = json.loads(path.read_text())
    content["bins"]["back"]["sharpness"] = None
    path.write_text(json.dumps(content))
    assert line(Results.load(folder, ROWS).markdown(), "today", "back")[6] == "0.30"


def test_half_written_figures_are_ignored(folder: Path):
    path = Cell("skirt", "A", "today").file(folder)
    path.write_text(path.read_text()[:-30])
    assert "| today | 1 of 2 |" in Results.load(folder, ROWS).markdown()


def test_figures_of_different_settings_are_not_put_into_one_table(folder: Path):
    other = Settings(ViewPlan(), 2.0, 0)
    write_cell(folder, "coat", "A", "today", level=1.0, settings=other)
    with pytest.raises(DataError, match="2 different settings"):
        Results.load(folder, ROWS)
    assert "2 minutes; seed 0" in Results.load(folder, ROWS, other).markdown()


def test_an_empty_folder_says_what_to_run(tmp_path: Path):
    with pytest.raises(DataError, match="nfield bench people --out"):
        Results.load(tmp_path, ROWS)
