"""Any model of the package open_clip, with weights from a local file: nothing is ever downloaded."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from nfield.errors import BackendUnavailable, DataError, OptionError

MEAN, DEVIATION = (0.48145466, 0.4578275, 0.40821073), (0.26862954, 0.26130258, 0.27577711)
"""Of the sRGB pictures that CLIP was trained on; for models that name none of their own."""

_SHOWN = 8
"""Names that a message lists."""


@dataclass(frozen=True)
class OpenClipSource:
    """A model by its name in open_clip, and its weights."""

    model: str = "ViT-B-32"
    """Name of the architecture, as `open_clip.list_models()` has it, or a JSON file of one, in open_clip's format."""
    weights: str | None = None
    """A checkpoint file of that architecture. None: random weights, which know nothing; they are a control."""
    seed: int = 0
    """Of random weights."""

    def load(self) -> "OpenClipEncoder":
        """See `EncoderSource.load`."""
        package = _open_clip()
        name = _known_name(package, self.model)
        if self.weights is not None and not Path(self.weights).is_file():
            raise DataError(f"{self.weights}: there is no such file, expected a checkpoint of open_clip's {self.model}")
        _require_whole(package.get_model_config(name) or {}, name)
        with torch.random.fork_rng(devices=()):
            torch.manual_seed(self.seed)
            model = self._created(package, name)
        return OpenClipEncoder(model.eval().requires_grad_(False), package.get_tokenizer(name))

    def _created(self, package: Any, name: str) -> Any:  # noqa: ANN401 - open_clip has no types
        try:
            return package.create_model(
                name, pretrained=self.weights, load_weights=self.weights is not None, pretrained_text=False
            )
        except Exception as wrong:  # Whatever a file that is no checkpoint makes of three packages that read it.
            raise DataError(
                f"{self.weights}: cannot be used as weights of open_clip's {self.model} ({_first_line(wrong)}); "
                "give the checkpoint of that very architecture, or name the architecture that it is of"
            ) from wrong


class OpenClipEncoder:
    """A model of open_clip, a `SemanticEncoder`.

    Args:
        model: Frozen, in evaluation mode.
        tokenizer: Its own.
    """

    def __init__(self, model: Any, tokenizer: Any) -> None:  # noqa: ANN401
        self._model, self._tokenizer, self._size = model, tokenizer, _picture_size(model)
        visual = model.visual
        self._mean, self._deviation = (
            torch.tensor(values)[:, None, None]
            for values in (
                getattr(visual, "image_mean", None) or MEAN,
                getattr(visual, "image_std", None) or DEVIATION,
            )
        )

    def state_dict(self) -> dict[str, Tensor]:
        """The model's weights, as open_clip names them."""
        return self._model.state_dict()

    def images(self, pictures: Float[Tensor, "b 3 h w"]) -> Float[Tensor, "b e"]:
        """See `SemanticEncoder.images`; pictures of another size are resampled."""
        size = (self._size, self._size)
        if tuple(pictures.shape[-2:]) != size:
            smaller = pictures.shape[-1] > self._size
            pictures = torch.nn.functional.interpolate(pictures, size, mode="bilinear", antialias=smaller)
        return self._model.encode_image((pictures - self._mean) / self._deviation, normalize=True)

    @torch.no_grad()
    def texts(self, texts: Sequence[str]) -> Float[Tensor, "b e"]:
        """See `SemanticEncoder.texts`."""
        return self._model.encode_text(self._tokenizer(list(texts)), normalize=True)


def _open_clip() -> Any:  # noqa: ANN401
    try:
        import open_clip
    except ImportError as missing:
        raise BackendUnavailable(
            "semantic guidance needs the package open_clip_torch; install it with: pip install 'nfield[clip]'"
        ) from missing
    return open_clip


def _known_name(package: Any, model: str) -> str:  # noqa: ANN401
    """The name of an architecture; that of a file is made known to open_clip first."""
    if Path(model).suffix == ".json":
        _add_architecture(package, Path(model))
        return Path(model).stem
    names = package.list_models()
    if model not in names:
        near = [name for name in names if name.lower().startswith(model.lower()[:4])] or names
        raise OptionError(
            f"the model {model!r} is none of open_clip's, expected a name such as {', '.join(near[:_SHOWN])}; "
            "python -c 'import open_clip; print(open_clip.list_models())' lists all"
        )
    return model


def _add_architecture(package: Any, path: Path) -> None:  # noqa: ANN401
    try:
        config = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as wrong:
        raise DataError(f"{path}: is not the architecture of a model of open_clip ({_first_line(wrong)})") from wrong
    if not isinstance(config, dict) or not {"embed_dim", "vision_cfg", "text_cfg"} <= set(config):
        raise DataError(
            f"{path}: is not the architecture of a model of open_clip, expected a JSON object with embed_dim, "
            "vision_cfg and text_cfg"
        )
    package.add_model_config(path)


def _require_whole(config: Mapping[str, Any], name: str) -> None:
    """Refuses models of which a part is on the internet only: a text tower or a tokenizer."""
    text = config.get("text_cfg", {})
    away = [text[key] for key in ("hf_model_name", "hf_tokenizer_name") if text.get(key)]
    if away:
        raise OptionError(
            f"the model {name!r} takes {away[0]} from the internet, and nothing is downloaded here; take a model that "
            "is whole in open_clip, such as ViT-B-32 or ViT-L-14"
        )


def _picture_size(model: Any) -> int:  # noqa: ANN401
    size = model.visual.image_size
    return int(size[0] if isinstance(size, (tuple, list)) else size)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0][:200]
