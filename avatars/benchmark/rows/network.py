"""The product's method, in which a network mends what the rules have painted, alone and with the semantic prior."""

from dataclasses import replace

from avatars.benchmark.methods import ROWS
from avatars.benchmark.rows.field import FieldMethod
from avatars.fitting.semantic_term import SemanticTerm
from avatars.fitting.stages import guided_stages
from avatars.pipeline import FitConfig
from avatars.semantic.people_encoder import PeopleSource


def _all() -> FitConfig:
    return replace(FitConfig(), stages=guided_stages(SemanticTerm("meaning", PeopleSource())))


ROWS["texture space, network"] = FieldMethod(FitConfig)
ROWS["texture space, network - then clip"] = FieldMethod(_all)
