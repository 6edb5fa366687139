"""What a student takes over from its teacher before it learns (PVD, section 2.2)."""

from functools import partial

import torch

from distill.levels import ClipRange
from distill.teacher import Teacher
from nfield.fields.base import Field


def inherit(student: Field, teacher: Teacher, *, freeze: bool = False) -> list[str]:
    """Lets a student start with all that it can take over.

    Args:
        student: Is changed.
        teacher: Is not.
        freeze: Whether inherited networks are kept as they are while the student learns.

    Returns:
        In words: "density network", "color network", "values at its nodes".
    """
    copied = [f"{role} network" for role in inherit_decoders(student, teacher.shown.field, freeze=freeze)]
    floor = ClipRange.of_step(teacher.grid.rule.step).low
    imitates = student.imitate(partial(teacher.answer, floor=floor), floor=floor)
    return [*copied, "values at its nodes"] if imitates else copied


@torch.no_grad()
def inherit_decoders(student: Field, teacher: Field, *, freeze: bool = False) -> list[str]:
    """Copies the teacher's small networks to the student where both have one of the same role and shapes.

    The teacher's feature is then the right input of the student's networks, which makes features comparable.

    Args:
        student: Is changed.
        teacher: Is not.
        freeze: Whether what was copied is kept as it is while the student learns.

    Returns:
        The roles that were copied: "density", "color".
    """
    known, copied = teacher.decoders(), []
    for role, network in student.decoders().items():
        theirs = known[role].state_dict() if role in known else {}
        own = network.state_dict()
        if {name: value.shape for name, value in theirs.items()} != {name: v.shape for name, v in own.items()}:
            continue
        network.load_state_dict(theirs)
        copied.append(role)
        for parameter in network.parameters():
            parameter.requires_grad_(not freeze)
    return copied
