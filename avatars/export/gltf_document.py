"""A rigged figure as a glTF 2.0 document with its binary part."""

import io
from importlib.metadata import version

import numpy as np
import pygltflib as gltf
import torch
from jaxtyping import Float
from PIL import Image
from scipy.spatial.transform import Rotation
from torch import Tensor

from avatars.export.clip import Clip
from avatars.export.figure import RiggedFigure
from avatars.export.rig import RestSkeleton
from nfield.export.gltf_buffer import GltfBuffer

_QUALITY = 92
_STILL = 1e-5  # radians that a joint which never turns may turn
_UNLIT = "KHR_materials_unlit"


def gltf_document(figure: RiggedFigure, *, name: str) -> tuple[gltf.GLTF2, bytes]:
    """The document and its binary part.

    The photo's light is in the texture, so that the material is unlit; what does not know that extension sees a rough
    one. Node 0 is the mesh, the joints follow in their order.

    Args:
        figure: The figure.
        name: Of the mesh and the scene.
    """
    document = gltf.GLTF2(asset=gltf.Asset(version="2.0", generator=f"nfield {version('nfield')}"))
    document.extensionsUsed = [_UNLIT]
    buffer = GltfBuffer(document)
    document.materials = [_material(name)]
    _add_texture(document, buffer, figure.texture)
    document.meshes = [_mesh(buffer, figure, name)]
    document.nodes = [gltf.Node(name=name, mesh=0, skin=0), *_joint_nodes(figure.skeleton)]
    document.skins = [_skin(buffer, figure.skeleton)]
    document.scenes, document.scene = [gltf.Scene(name=name, nodes=[0, 1])], 0
    document.animations = [_animation(buffer, figure, clip) for clip in figure.clips.values()]
    return document, buffer.finished()


def _material(name: str) -> gltf.Material:
    surface = gltf.PbrMetallicRoughness(
        baseColorTexture=gltf.TextureInfo(index=0), metallicFactor=0.0, roughnessFactor=1.0
    )
    # Skirts and open coats are seen from inside, too.
    return gltf.Material(name=name, pbrMetallicRoughness=surface, doubleSided=True, extensions={_UNLIT: {}})


def _add_texture(document: gltf.GLTF2, buffer: GltfBuffer, texture: Float[Tensor, "h w 3"]) -> None:
    pixels = (texture.clamp(0.0, 1.0) * 255.0).round().to(torch.uint8).numpy()
    file = io.BytesIO()
    Image.fromarray(pixels).save(file, "JPEG", quality=_QUALITY, subsampling=0, optimize=True)
    document.images = [gltf.Image(name="color", mimeType="image/jpeg", bufferView=buffer.view(file.getvalue()))]
    edge = gltf.CLAMP_TO_EDGE
    smooth = gltf.Sampler(magFilter=gltf.LINEAR, minFilter=gltf.LINEAR_MIPMAP_LINEAR, wrapS=edge, wrapT=edge)
    document.samplers = [smooth]
    document.textures = [gltf.Texture(sampler=0, source=0)]


def _mesh(buffer: GltfBuffer, figure: RiggedFigure, name: str) -> gltf.Mesh:
    small = len(figure.vertices) < 1 << 16
    index = figure.faces.reshape(-1).numpy().astype("<u2" if small else "<u4")
    flipped = figure.uv * torch.tensor([1.0, -1.0]) + torch.tensor([0.0, 1.0])  # v counts downwards in glTF
    vertex = gltf.ARRAY_BUFFER
    attributes = gltf.Attributes(
        POSITION=buffer.accessor(_floats(figure.vertices), target=vertex, bounded=True),
        NORMAL=buffer.accessor(_floats(figure.normals), target=vertex),
        TEXCOORD_0=buffer.accessor(_floats(flipped), target=vertex),
        JOINTS_0=buffer.accessor(figure.skin.joints.numpy().astype("u1"), target=vertex),
        WEIGHTS_0=buffer.accessor(_floats(figure.skin.weights), target=vertex),
    )
    corners = buffer.accessor(index, target=gltf.ELEMENT_ARRAY_BUFFER)
    primitive = gltf.Primitive(attributes=attributes, indices=corners, material=0)
    primitive.targets = [gltf.Attributes(POSITION=buffer.displacements(_floats(shape))) for shape in figure.shapes]
    weights = [0.0] * len(figure.shapes)
    return gltf.Mesh(primitives=[primitive], weights=weights, name=name)


def _joint_nodes(skeleton: RestSkeleton) -> list[gltf.Node]:
    """The joints; their indices follow that of the mesh's node."""
    nodes = [
        gltf.Node(name=name, translation=[float(x) for x in step])
        for name, step in zip(skeleton.names, skeleton.steps.double(), strict=True)
    ]
    for joint, parent in enumerate(skeleton.parents):
        if parent >= 0:
            nodes[parent].children = [*(nodes[parent].children or []), joint + 1]
    return nodes


def _skin(buffer: GltfBuffer, skeleton: RestSkeleton) -> gltf.Skin:
    joints = len(skeleton.names)
    to_joint = np.tile(np.eye(4, dtype="<f4"), (joints, 1, 1))
    to_joint[:, :3, 3] = -_floats(skeleton.places)
    columns = np.ascontiguousarray(to_joint.transpose(0, 2, 1)).reshape(joints, 16)
    return gltf.Skin(
        inverseBindMatrices=buffer.accessor(columns), joints=list(range(1, joints + 1)), skeleton=1, name="skeleton"
    )


def _animation(buffer: GltfBuffer, figure: RiggedFigure, clip: Clip) -> gltf.Animation:
    motion = clip.motion
    animation = gltf.Animation(name=motion.name, samplers=[], channels=[])
    times = _times(buffer, len(motion), motion.rate)
    turning = (motion.rotations - motion.rotations[:1]).abs().amax((0, 2)) > _STILL
    turned = motion.rotations[0].abs().amax(-1) > _STILL
    for joint in (turning | turned).nonzero()[:, 0].tolist():
        _add_channel(
            animation, joint + 1, "rotation", (times, buffer.accessor(_quaternions(motion.rotations[:, joint])))
        )
    way = buffer.accessor(_floats(motion.travel + figure.skeleton.places[0]))
    _add_channel(animation, 1, "translation", (times, way))
    if len(figure.shapes):
        moments = _times(buffer, len(clip.corrective), clip.corrective_rate)
        weights = buffer.accessor(_floats(clip.corrective).reshape(-1))
        _add_channel(animation, 0, "weights", (moments, weights))
    return animation


def _times(buffer: GltfBuffer, count: int, rate: float) -> int:
    return buffer.accessor((np.arange(count) / rate).astype("<f4"), bounded=True)


def _add_channel(animation: gltf.Animation, node: int, path: str, sampled: tuple[int, int]) -> None:
    """Lets a node's property follow values over time; both are accessors."""
    times, values = sampled
    animation.samplers.append(gltf.AnimationSampler(input=times, output=values, interpolation=gltf.ANIM_LINEAR))
    target = gltf.AnimationChannelTarget(node=node, path=path)
    animation.channels.append(gltf.AnimationChannel(sampler=len(animation.samplers) - 1, target=target))


def _quaternions(turns: Float[Tensor, "t 3"]) -> Float[np.ndarray, "t 4"]:
    """Unit quaternions (x y z w), each on the same side as the one before, so that straight lines are short ways."""
    found = Rotation.from_rotvec(turns.double().numpy()).as_quat()
    flips = np.sign((found[1:] * found[:-1]).sum(-1))
    found[1:] *= np.cumprod(np.where(flips < 0.0, -1.0, 1.0))[:, None]
    return found.astype("<f4")


def _floats(values: Tensor) -> np.ndarray:
    return values.detach().cpu().numpy().astype("<f4")
