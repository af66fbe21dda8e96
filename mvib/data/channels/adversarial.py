"""The perturbation of an example that changes what a network says of it the most."""

import math
from collections.abc import Callable

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvib.data.channels.arguments import Shape, check_number
from mvib.estimators.draws import normal, whole_batch

_LARGEST = math.nextafter(math.inf, 0.0)


class Adversarial(nn.Module):
    """Virtual adversarial perturbation: of a given length, in the direction in which the prediction changes fastest.

    Source: Miyato et al. 2018, arXiv:1704.03976, algorithm 1. Official code: takerum/vat_tf, vat.py, which takes the
    logits of the clean pass for both sides of the finite difference, as here.
    """

    def __init__(self, radius: float, step: float, rounds: int) -> None:
        """Take the length of the perturbation, that of the finite difference, and the rounds of power iteration."""
        super().__init__()
        self.radius, self.step, self.rounds = radius, step, rounds

    def forward(
        self,
        examples: Float[Tensor, "B *E"],
        clean: Float[Tensor, "B K"],
        predict: Callable[[Float[Tensor, "B *E"]], Float[Tensor, "B K"]],
    ) -> Float[Tensor, "B *E"]:
        """Return the perturbed examples, without gradient.

        Args:
            examples: what is perturbed.
            clean: logits for them.
            predict: logits for others.
        """
        examples, clean = examples.detach(), clean.detach()
        # The mean over the whole batch, of which there may be a part here: what is floored below depends on its size.
        share = len(examples) / max(1, whole_batch(len(examples))[0])
        direction = normal(tuple(examples.shape), like=examples)
        for _ in range(self.rounds):
            moved = (self.step * unit(direction)).requires_grad_(True)
            with torch.enable_grad():
                divergence = share * relative_entropy_of(clean, predict(examples + moved))
                (direction,) = torch.autograd.grad(divergence, moved)
        return examples + self.radius * unit(direction)


def unit(direction: Float[Tensor, "B *E"]) -> Float[Tensor, "B *E"]:
    """Return each example's direction at length one, scaled by its largest entry first so that no square vanishes."""
    rows = direction.flatten(1)
    rows = rows / (1e-12 + rows.abs().amax(dim=1, keepdim=True))
    rows = rows / (1e-6 + rows.square().sum(dim=1, keepdim=True)).sqrt()
    return rows.view_as(direction)


def relative_entropy_of(first: Float[Tensor, "B K"], second: Float[Tensor, "B K"]) -> Float[Tensor, ""]:
    """Return the mean over examples of KL(softmax(first) || softmax(second)) in nats."""
    log_first, log_second = F.log_softmax(first, dim=1), F.log_softmax(second, dim=1)
    return (log_first.exp() * (log_first - log_second)).sum(dim=1).mean()


def adversarial(shape: Shape, *, radius: float = 1.0, step: float = 1e-6, rounds: int = 1) -> nn.Module:
    """Builds the channel that moves each example by a length in the direction that changes a prediction the most.

    Args:
        shape: of one example, any.
        radius: length of the move, in the unit of the data.
        step: length of the finite difference.
        rounds: of power iteration.

    Returns:
        A module from examples, their logits and what predicts logits to moved examples.

    Raises:
        ChannelError: the radius or the step is negative or not finite.
    """
    check_number(radius, (0.0, _LARGEST), name="radius", channel="adversarial")
    check_number(step, (0.0, _LARGEST), name="step", channel="adversarial")
    return Adversarial(radius, step, rounds)
