import pytest

from avatars.body import BodyModel
from avatars.fitting.subject import FitSubject
from tests.avatars.fitting.small_fit import small_painted, small_subject


@pytest.fixture(scope="package")
def subject() -> FitSubject:
    return small_subject(small_painted(BodyModel.load()))
