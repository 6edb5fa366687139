"""How an avatar is made, as one frozen configuration."""

import dataclasses
from dataclasses import dataclass

from avatars.fitting.fit import FitBudget
from avatars.fitting.stages import AvatarStage, default_stages, picture_stages
from avatars.posed.avatar import FigureConfig
from avatars.posed.warp import SkinningConfig
from avatars.surface.complete import Completion
from avatars.surface.dress import DressConfig
from avatars.surface.learned.completion import NetworkCompletion
from avatars.surface.solid import SolidConfig
from avatars.surface.vertex_rules import VertexRules
from avatars.surface.views import ViewsConfig


@dataclass(frozen=True)
class FitConfig:
    """How an avatar is made."""

    figure: FigureConfig = dataclasses.field(default_factory=FigureConfig)
    """What it is made of."""
    dress: DressConfig = dataclasses.field(default_factory=DressConfig)
    """How the body grows to the outline."""
    completion: Completion = dataclasses.field(default_factory=NetworkCompletion)
    """How it is painted, and how what the photo does not show."""
    views: ViewsConfig = dataclasses.field(default_factory=ViewsConfig)
    """From where the painted body is pictured, for stages that look at pictures of it."""
    solid: SolidConfig = dataclasses.field(default_factory=SolidConfig)
    """Where points of it are drawn, for stages that look at points."""
    stages: tuple[AvatarStage, ...] = dataclasses.field(default_factory=default_stages)
    """How the field is trained."""
    budget: FitBudget = dataclasses.field(default_factory=FitBudget)
    """For how long, and with which seed."""

    @staticmethod
    def of_pictures() -> "FitConfig":
        """The method before texture space, kept to be measured against.

        The body is painted on its vertices, the field learns it from pictures, its density is free in a wide shell.
        """
        figure = FigureConfig(skinning=SkinningConfig(), room=0.02)
        dress = DressConfig(loose=False, hidden=True, fine_rounds=0)
        return FitConfig(figure=figure, dress=dress, completion=VertexRules(), stages=picture_stages())
