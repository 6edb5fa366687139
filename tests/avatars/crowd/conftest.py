"""A crowd of few, made once for all tests here."""

from collections.abc import Callable
from functools import cache

import pytest

from avatars.body import BodyModel
from avatars.crowd.person import Split
from avatars.crowd.shards import Crowd, Shard


@pytest.fixture(scope="session")
def model() -> BodyModel:
    return BodyModel.load()


@cache
def _crowd(split: Split) -> Crowd:
    return Crowd(split, BodyModel.load(), ("full", "full", "head"))


@cache
def _shard(split: Split, number: int) -> Shard:
    return _crowd(split).shard(number)


@pytest.fixture(scope="session")
def shard_of() -> Callable[[Split, int], Shard]:
    """The pictures of a build: two whole ones and a head."""
    return _shard
