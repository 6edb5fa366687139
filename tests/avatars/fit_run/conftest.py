import pytest

from avatars.body import BodyModel
from avatars.surface.painted_body import PaintedBody
from tests.avatars.fitting.small_fit import small_painted


@pytest.fixture(scope="package")
def painted() -> PaintedBody:
    return small_painted(BodyModel.load())
