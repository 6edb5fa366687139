"""The product's method but for its network, and the same without each of its parts."""

from dataclasses import replace

from avatars.benchmark.methods import ROWS
from avatars.benchmark.rows.field import FieldMethod
from avatars.fitting.stages import fit_surface_and_photo, learn_surface
from avatars.pipeline import FitConfig
from avatars.posed.avatar import FigureConfig
from avatars.posed.warp import SkinningConfig
from avatars.surface.dress import DressConfig
from avatars.surface.rings import RingConfig
from avatars.surface.texture_rules import TextureRules
from avatars.surface.vertex_rules import VertexRules


def of_rules() -> FitConfig:
    """Completion in texture space by rules alone."""
    return replace(FitConfig(), completion=TextureRules())


def _without_texture_space() -> FitConfig:
    return replace(of_rules(), completion=VertexRules(), dress=DressConfig(loose=False))


def _without_loose_clothes() -> FitConfig:
    return replace(of_rules(), dress=DressConfig(loose=False))


def _without_solid() -> FitConfig:
    stages = tuple(
        replace(stage, terms=tuple(term for term in stage.terms if term.name != "solid"))
        for stage in (learn_surface(), fit_surface_and_photo())
    )
    return replace(of_rules(), stages=stages)


def _without_core() -> FitConfig:
    skinning = replace(SkinningConfig.close(), core=None)
    return replace(of_rules(), figure=FigureConfig(skinning=skinning))


def _without_fine_outline() -> FitConfig:
    return replace(of_rules(), dress=DressConfig(fine_rounds=0))


def _with_folds_behind() -> FitConfig:
    always = RingConfig(folds=(-1.0, 0.0))
    return replace(of_rules(), completion=TextureRules(rings=always))


def _with_wide_shell() -> FitConfig:
    wide = replace(SkinningConfig.close(), inner=0.03, outer=0.065, core=None)
    return replace(of_rules(), figure=FigureConfig(skinning=wide, room=0.02))


def _without_photo_stage() -> FitConfig:
    stage = learn_surface()
    return replace(of_rules(), stages=(replace(stage, budget=replace(stage.budget, share=1.0)),))


ROWS["texture space"] = FieldMethod(of_rules)
ROWS["texture space - vertex painting instead"] = FieldMethod(_without_texture_space)
ROWS["texture space - no loose clothes"] = FieldMethod(_without_loose_clothes)
ROWS["texture space - no solid"] = FieldMethod(_without_solid)
ROWS["texture space - no core"] = FieldMethod(_without_core)
ROWS["texture space - no fine outline"] = FieldMethod(_without_fine_outline)
ROWS["texture space - folds behind, too"] = FieldMethod(_with_folds_behind)
ROWS["texture space - wide shell"] = FieldMethod(_with_wide_shell)
ROWS["texture space - surface only, no photo stage"] = FieldMethod(_without_photo_stage)
