"""What pictures and captions have to agree in."""

import torch
from jaxtyping import Bool, Float
from torch import Tensor


def caption_loss(
    images: Float[Tensor, "b e"], texts: Float[Tensor, "b e"], scale: Float[Tensor, ""], wrong: Bool[Tensor, "b b"]
) -> Float[Tensor, ""]:
    """Symmetric cross-entropy of pictures and captions (CLIP, Radford et al. 2021).

    Args:
        images: Unit vectors.
        texts: Unit vectors of their captions.
        scale: Inverse temperature.
        wrong: Where the caption of a column contradicts the picture of a row; other pairs, but the picture with its own
            caption, are left out: many captions are true of several pictures of a batch.
    """
    counted = wrong | torch.eye(len(images), dtype=torch.bool, device=images.device)
    logits = (scale * images @ texts.T).masked_fill(~counted, -torch.inf)
    own = torch.arange(len(images), device=images.device)
    return 0.5 * (torch.nn.functional.cross_entropy(logits, own) + torch.nn.functional.cross_entropy(logits.T, own))


def person_loss(first: Float[Tensor, "p e"], second: Float[Tensor, "p e"], temperature: float) -> Float[Tensor, ""]:
    """Cross-entropy of finding a person's second picture from the first among those of all, and back (NT-Xent).

    Args:
        first: Unit vectors of a picture of each person.
        second: Of another one of the same persons, from another side and in another pose.
        temperature: Of the softmax.
    """
    both = torch.cat([first, second])
    logits = both @ both.T / temperature
    logits = logits.masked_fill(torch.eye(len(both), dtype=torch.bool, device=both.device), -torch.inf)
    people = torch.arange(len(first), device=both.device)
    return torch.nn.functional.cross_entropy(logits, torch.cat([people + len(first), people]))


def answer_loss(
    images: Float[Tensor, "b e"], answers: Float[Tensor, "k e"], scale: Float[Tensor, ""], truth: Bool[Tensor, "b k"]
) -> Float[Tensor, ""]:
    """Cross-entropy of telling by captions which value a fact has: what zero-shot classification asks.

    Args:
        images: Unit vectors.
        answers: Unit vectors of a caption for each value.
        scale: Inverse temperature.
        truth: Which values are right about each picture; none where it does not show the fact.
    """
    return either_right(scale * images @ answers.T, truth)


def either_right(logits: Float[Tensor, "b k"], truth: Bool[Tensor, "b k"]) -> Float[Tensor, ""]:
    """Mean negative logarithm of the share of what is right, over the rows where something is.

    Args:
        logits: Of each value.
        truth: Which values are right.
    """
    logits, truth = logits[truth.any(1)], truth[truth.any(1)]
    return (logits.logsumexp(1) - logits.masked_fill(~truth, -torch.inf).logsumexp(1)).mean()
