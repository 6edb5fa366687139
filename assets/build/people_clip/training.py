"""Learning, while people are being made."""

import json
import math
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from open_clip.model import CLIP
from open_clip.tokenizer import SimpleTokenizer
from torch import Tensor

from assets.build.learning import Progress, Watch, write_weights
from assets.build.people_clip.batches import Batch, Feed
from assets.build.people_clip.losses import answer_loss, caption_loss, person_loss
from assets.build.people_clip.teaching import TaughtTower, place_loss
from avatars.semantic.open_clip_encoder import DEVIATION, MEAN

_RATE, _DECAY, _WARM = 1e-3, 0.05, 100
"""Largest learning rate, weight decay, and steps over which the rate rises."""

_HOTTEST = math.log(100.0)
"""Largest logarithm of the inverse temperature, as in CLIP."""

_TEMPERATURE, _PEOPLE = 0.1, 0.25
"""Of telling persons apart, and the weight of that beside captions."""

_PLACES = 2.0
"""Weight of a spread by which a place on the body is mistaken."""


@dataclass(frozen=True)
class Plan:
    """How long, and how.

    Attributes:
        minutes: Of training.
        pairs: Pairs of builds in a batch; each has sixteen pictures.
        seed: Of everything random.
    """

    minutes: float
    pairs: int = 8
    seed: int = 0


class Learner:
    """A model that is being trained.

    Args:
        architecture: In open_clip's format.
        plan: How.
    """

    def __init__(self, architecture: Path, plan: Plan) -> None:
        config = json.loads(architecture.read_text(encoding="utf-8"))
        torch.manual_seed(plan.seed)
        self.model = CLIP(**config)
        self.model.visual.to(memory_format=torch.channels_last)
        self._tokenizer = SimpleTokenizer(context_length=config["text_cfg"]["context_length"])
        self._plan = plan
        tower = config["vision_cfg"]
        self._taught = TaughtTower(self.model.visual, config["embed_dim"], 16 * tower["width"])
        values = [*self.model.parameters(), *self._taught.facts.parameters(), *self._taught.places.parameters()]
        plain = [value for value in values if value.ndim < 2]
        groups = [
            {"params": [value for value in values if value.ndim >= 2], "weight_decay": _DECAY},
            {"params": plain, "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, lr=_RATE, betas=(0.9, 0.98))
        self._used = torch.zeros(config["text_cfg"]["vocab_size"], dtype=torch.bool)
        self.progress = Progress(0.0, 0)

    def learn(self, folder: Path, *, save: Callable[[], None], watch: Watch, every: float = 120.0) -> None:
        """Train until the minutes are over; saves every so many seconds, and at the end.

        Args:
            folder: Of shards, of which there are as many pairs as a batch takes, at least.
            save: Called to save.
            watch: Told of each step.
            every: Seconds between saves.
        """
        feed = Feed(folder, self._plan.seed + self.progress.steps)
        saved = time.monotonic()
        while self.progress.minutes < self._plan.minutes:
            begun = time.monotonic()
            told = self._step(feed.batch(self._plan.pairs))
            self.progress = self.progress.after(time.monotonic() - begun)
            watch(self.progress, told)
            if time.monotonic() - saved > every:
                save()
                saved = time.monotonic()
        save()

    def state(self) -> dict[str, Any]:
        """All that going on needs."""
        heads = {"facts": self._taught.facts.state_dict(), "places": self._taught.places.state_dict()}
        learnt = {
            **heads,
            "model": self.model.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "used": self._used,
        }
        return {**learnt, **asdict(self.progress)}

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from a `state`."""
        self.model.load_state_dict(state["model"])
        self._taught.facts.load_state_dict(state["facts"])
        self._taught.places.load_state_dict(state["places"])
        self._optimizer.load_state_dict(state["optimizer"])
        self._used = state["used"]
        self.progress = Progress(state["minutes"], state["steps"])

    def write(self, path: Path) -> None:
        """The weights in half precision, as open_clip reads them; words that no caption has are nought."""
        weights = {name: value.detach().clone() for name, value in self.model.state_dict().items()}
        weights["token_embedding.weight"][~self._used] = 0.0
        write_weights(path, weights)

    def _step(self, batch: Batch) -> dict[str, float]:
        for group in self._optimizer.param_groups:
            group["lr"] = _RATE * self.progress.rate(self._plan.minutes, warm=_WARM)
        losses = self._losses(batch)
        self._optimizer.zero_grad()
        sum(losses.values(), torch.zeros(())).backward()
        torch.nn.utils.clip_grad_norm_([p for group in self._optimizer.param_groups for p in group["params"]], 1.0)
        self._optimizer.step()
        with torch.no_grad():
            self.model.logit_scale.clamp_(max=_HOTTEST)
        return {name: float(value.detach()) for name, value in losses.items()}

    def _losses(self, batch: Batch) -> dict[str, Tensor]:
        asked = [text for name in batch.answers for text in batch.answers[name]]
        tokens = self._tokenizer([*(text.text for text in batch.captions), *asked])
        self._used[tokens.reshape(-1)] = True
        with torch.autocast("cpu", torch.bfloat16):
            vectors, places = self._taught(_normalized(batch.pictures))
            texts = self.model.encode_text(tokens)
        taught = self._taught.fact_loss(vectors.float(), batch) + _PLACES * place_loss(places.float(), batch.places)
        images, texts = (torch.nn.functional.normalize(part.float(), dim=-1) for part in (vectors, texts))
        scale, count = self.model.logit_scale.exp(), len(batch.captions)
        first, second = images.chunk(2)
        told = texts[count:].split([len(batch.answers[name]) for name in batch.answers])
        known = [
            answer_loss(images, answers, scale, batch.truth(name))
            for name, answers in zip(batch.answers, told, strict=True)
        ]
        return {
            "caption": caption_loss(first, texts[:count], scale, batch.contradicted()),
            "person": _PEOPLE * person_loss(first, second, _TEMPERATURE),
            "answer": torch.stack(known).mean(),
            "taught": taught,
        }


def _normalized(pictures: Tensor) -> Tensor:
    """As `avatars.semantic.open_clip_encoder` does for models that name no mean of their own."""
    mean = pictures.new_tensor(MEAN)[:, None, None]
    deviation = pictures.new_tensor(DEVIATION)[:, None, None]
    return ((pictures - mean) / deviation).contiguous(memory_format=torch.channels_last)
