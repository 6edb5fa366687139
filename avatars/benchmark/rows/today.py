"""The method that the benchmark was built against: it stays the first row for good."""

from avatars.benchmark.methods import ROWS
from avatars.benchmark.rows.field import FieldMethod
from avatars.pipeline import FitConfig

ROWS["today"] = FieldMethod(FitConfig.of_pictures)
