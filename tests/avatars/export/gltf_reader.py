"""Reads binary glTF and evaluates its skinning: plain numpy, written from the specification (glTF 2.0)."""

import json
import struct
from dataclasses import dataclass
from typing import Any

import numpy as np

_TYPES = {5121: "u1", 5123: "<u2", 5125: "<u4", 5126: "<f4"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True)
class Glb:
    """A file's two parts."""

    json: dict[str, Any]
    binary: bytes

    @staticmethod
    def parsed(content: bytes) -> "Glb":
        magic, version, length = struct.unpack("<4sII", content[:12])
        assert (magic, version, length) == (b"glTF", 2, len(content))
        size, kind = struct.unpack("<I4s", content[12:20])
        assert kind == b"JSON"
        rest = content[20 + size :]
        binary, kind = struct.unpack("<I4s", rest[:8])
        assert kind == b"BIN\x00"
        return Glb(json.loads(content[20 : 20 + size]), rest[8 : 8 + binary])

    def _view(self, index: int) -> bytes:
        view = self.json["bufferViews"][index]
        start = view.get("byteOffset", 0)
        return self.binary[start : start + view["byteLength"]]

    def _numbers(self, part: dict[str, Any], kind: int, width: int, count: int) -> np.ndarray:
        content = self._view(part["bufferView"])[part.get("byteOffset", 0) :]
        return np.frombuffer(content, _TYPES[kind], count * width).reshape(count, width)

    def values(self, index: int) -> np.ndarray:
        """Rows of an accessor."""
        accessor = self.json["accessors"][index]
        width, count, kind = _WIDTHS[accessor["type"]], accessor["count"], accessor["componentType"]
        rows = np.zeros((count, width), _TYPES[kind])
        if "bufferView" in accessor:
            rows = self._numbers(accessor, kind, width, count).copy()
        sparse = accessor.get("sparse")
        if sparse:
            at = self._numbers(sparse["indices"], sparse["indices"]["componentType"], 1, sparse["count"])[:, 0]
            rows[at] = self._numbers(sparse["values"], kind, width, sparse["count"])
        return rows

    def image(self) -> bytes:
        """The one image."""
        return self._view(self.json["images"][0]["bufferView"])

    def skinned(self, clip: str | None = None, seconds: float = 0.0) -> np.ndarray:
        """Vertices of the one mesh, in the scene, at a time of a clip."""
        nodes = [dict(node) for node in self.json["nodes"]]
        weights = np.array(self.json["meshes"][0].get("weights") or [])
        if clip is not None:
            weights = self._animate(nodes, weights, clip, seconds)
        primitive = self.json["meshes"][0]["primitives"][0]
        vertices = self.values(primitive["attributes"]["POSITION"]).astype(np.float64)
        for weight, target in zip(weights, primitive.get("targets") or [], strict=True):
            vertices = vertices + weight * self.values(target["POSITION"])
        return self._carried(vertices, primitive["attributes"], nodes)

    def _carried(self, vertices: np.ndarray, attributes: dict[str, int], nodes: list[dict[str, Any]]) -> np.ndarray:
        skin, world = self.json["skins"][0], _world(nodes, self.json["scenes"][0]["nodes"])
        binds = self.values(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        maps = np.stack([world[joint] @ bind for joint, bind in zip(skin["joints"], binds, strict=True)])
        joints, shares = self.values(attributes["JOINTS_0"]), self.values(attributes["WEIGHTS_0"])
        blended = (maps[joints] * shares[..., None, None]).sum(1)
        return (blended[:, :3, :3] @ vertices[..., None])[..., 0] + blended[:, :3, 3]

    def _animate(self, nodes: list[dict[str, Any]], weights: np.ndarray, clip: str, seconds: float) -> np.ndarray:
        (animation,) = [a for a in self.json["animations"] if a["name"] == clip]
        for channel in animation["channels"]:
            sampler = animation["samplers"][channel["sampler"]]
            times, values = self.values(sampler["input"])[:, 0], self.values(sampler["output"])
            rows = values.reshape(len(times), -1)
            now = _linear(times, rows, seconds)
            target = channel["target"]
            if target["path"] == "weights":
                weights = now
            else:
                unit = now / np.linalg.norm(now) if target["path"] == "rotation" else now
                nodes[target["node"]][target["path"]] = unit
        return weights


def _linear(times: np.ndarray, rows: np.ndarray, seconds: float) -> np.ndarray:
    return np.array([np.interp(seconds, times, column) for column in rows.T.astype(np.float64)])


def _world(nodes: list[dict[str, Any]], roots: list[int]) -> dict[int, np.ndarray]:
    """Each node's matrix to the scene."""
    found: dict[int, np.ndarray] = {}
    waiting = [(root, np.eye(4)) for root in roots]
    while waiting:
        index, above = waiting.pop()
        found[index] = above @ _local(nodes[index])
        waiting += [(child, found[index]) for child in nodes[index].get("children") or []]
    return found


def _local(node: dict[str, Any]) -> np.ndarray:
    x, y, z, w = node.get("rotation") if node.get("rotation") is not None else (0.0, 0.0, 0.0, 1.0)
    matrix = np.eye(4)
    matrix[:3, :3] = [
        [1 - 2 * (y * y + z * z), 2 * (x * y - z * w), 2 * (x * z + y * w)],
        [2 * (x * y + z * w), 1 - 2 * (x * x + z * z), 2 * (y * z - x * w)],
        [2 * (x * z - y * w), 2 * (y * z + x * w), 1 - 2 * (x * x + y * y)],
    ]
    if node.get("translation") is not None:
        matrix[:3, 3] = node["translation"]
    return matrix
