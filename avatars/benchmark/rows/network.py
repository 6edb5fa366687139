"""The product's method with a network that mends what the rules have painted, alone and with the semantic prior."""

from dataclasses import replace

from avatars.benchmark.methods import ROWS
from avatars.benchmark.rows.field import FieldMethod
from avatars.fitting.semantic_term import SemanticTerm
from avatars.fitting.stages import guided_stages
from avatars.pipeline import FitConfig
from avatars.semantic.people_encoder import PeopleSource
from avatars.surface.learned.completion import NetworkCompletion


def _network() -> FitConfig:
    return replace(FitConfig(), completion=NetworkCompletion())


def _all() -> FitConfig:
    return replace(_network(), stages=guided_stages(SemanticTerm("meaning", PeopleSource())))


ROWS["texture space, network"] = FieldMethod(_network)
ROWS["texture space, network - then clip"] = FieldMethod(_all)
