"""Completion by rules, then the semantic prior: by the shipped model of people, and by one that knows nothing."""

from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

import assets
from avatars.benchmark.methods import ROWS
from avatars.benchmark.rows.field import FieldMethod
from avatars.benchmark.rows.texture_space import of_rules
from avatars.fitting.semantic_term import SemanticTerm
from avatars.fitting.stages import guided_stages
from avatars.pipeline import FitConfig
from avatars.semantic.encoder import EncoderSource, SemanticEncoder
from avatars.semantic.open_clip_encoder import OpenClipSource
from avatars.semantic.people_encoder import PeopleSource


@dataclass(frozen=True)
class RandomSource:
    """The shipped model's architecture with random weights, a control."""

    def load(self) -> SemanticEncoder:
        """See `EncoderSource.load`."""
        return OpenClipSource(str(assets.path("semantic/people.json")), None).load()


def _guided(encoder: Callable[[], EncoderSource]) -> FitConfig:
    return replace(of_rules(), stages=guided_stages(SemanticTerm("meaning", encoder())))


ROWS["texture space - then clip"] = FieldMethod(partial(_guided, PeopleSource))
ROWS["texture space - then clip of random weights"] = FieldMethod(partial(_guided, RandomSource))
