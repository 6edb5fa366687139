"""Motions as BVH: any skeleton of a person, in any unit and with any axis upwards."""

from collections.abc import Mapping
from pathlib import Path

from avatars.body.model import BodyModel
from avatars.motion.bvh_file import BvhFile, read_bvh_file
from avatars.motion.joint_names import ESSENTIAL, joints_by_name
from avatars.motion.legs import leg_length
from avatars.motion.motion import Motion
from avatars.motion.readers.base import remark, require_motion, tensor
from avatars.motion.recorded import from_world, settled
from avatars.motion.retarget import ForeignMotion, retargeted
from nfield.errors import DataError

_ADVICE = "export the motion again as BVH"
_LISTED = 8


def read_bvh(path: Path, model: BodyModel) -> Motion:
    """Reads a file onto the body; its lengths are compared by the legs, so that its unit does not matter."""
    file = read_bvh_file(path)
    require_motion(path, tensor(file.turns).flatten(2), file.rate, advice=_ADVICE)
    joints = joints_by_name(file.names, file.parents)
    _check(path, file, joints)
    turns, places = file.world()
    foreign = ForeignMotion(joints, tensor(turns), tensor(places), tensor(file.rest)).upright()
    if foreign.leg_length <= 0.0:
        raise DataError(f"{path}: its legs have no length; {_ADVICE} with the skeleton's offsets")
    pelvis = foreign.places[:, joints["pelvis"]] * (leg_length(model.joint_template) / foreign.leg_length)
    motion = from_world(retargeted(foreign, model), pelvis, rate=file.rate, name=path.stem)
    return settled(motion, model, placed=True)


def _check(path: Path, file: BvhFile, joints: Mapping[str, int]) -> None:
    """Refuses what is no person; names what is not followed."""
    missing = [name for name in ESSENTIAL if name not in joints]
    if missing:
        raise DataError(
            f"{path}: no joint is known as {_some(missing)}; its joints are {_some(list(file.names), 3 * _LISTED)}; "
            "name them as Mixamo does (LeftUpLeg, LeftLeg, LeftFoot, LeftArm, LeftForeArm), or as SMPL does"
        )
    known = set(joints.values())
    unknown = [name for index, name in enumerate(file.names) if index not in known]
    if unknown:
        remark(path, f"what these joints do goes into the next ones, or is left out: {_some(unknown)}")
    if file.declared != len(file.turns):
        remark(path, f"says that it has {file.declared} frames, but has {len(file.turns)}")


def _some(names: list[str], most: int = _LISTED) -> str:
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
