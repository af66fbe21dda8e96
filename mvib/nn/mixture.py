"""Mixtures of Gaussians: for each example of a batch, or with parameters of their own as a prior that is trained."""

# Shape suffixes: B batch, K components, E event, D numbers of an event.

import math
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from jaxtyping import Float
from torch import Tensor, nn

from mvib.estimators.draws import normal, uniform
from mvib.estimators.precision import at_least_float32
from mvib.nn.distributions import Distribution
from mvib.nn.shapes import Shape

# As that of the heads of single distributions.
_SMALLEST_SCALE = 1e-7
# Together with the scale that a component starts with, softplus(0), entries have on average the variance 1.
_SPREAD_OF_MEANS = math.sqrt(1 - math.log(2) ** 2)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class GaussianMixture(Distribution):
    """Mixture of K Gaussians with independent dimensions; that of one row is one for all examples.

    Attributes:
        logits: of the weights, up to a constant.
        means: of each component.
        stds: standard deviations of each component.
    """

    logits: Float[Tensor, "B K"]
    means: Float[Tensor, "B K *E"]
    stds: Float[Tensor, "B K *E"]

    @property
    def mean(self) -> Float[Tensor, "B *E"]:
        """Return the mean of each example: that of the components by their weights."""
        weights_BK = at_least_float32(self.logits).softmax(dim=1)
        return (weights_BK.reshape(*weights_BK.shape, *[1] * (self.means.dim() - 2)) * self.means).sum(dim=1)

    def log_prob(self, x: Float[Tensor, "B *E"], /) -> Float[Tensor, " B"]:
        """Return the log density of each example in nats, log sum_k w_k N(x; m_k, s_k^2)."""
        stds_BKE = at_least_float32(self.stds)
        scores_BKE = (at_least_float32(x).unsqueeze(1) - self.means) / stds_BKE
        of_entries_BKE = -scores_BKE.square() / 2 - stds_BKE.log() - math.log(2 * math.pi) / 2
        of_components_BK = of_entries_BKE.flatten(2).sum(dim=2)
        return (at_least_float32(self.logits).log_softmax(dim=1) + of_components_BK).logsumexp(dim=1)


class LearnedMixture(nn.Module):
    """A mixture of Gaussians with parameters of its own: a prior that is trained with the objective.

    Its weights start equal, its means normal and its scales as one, so that it starts near the standard normal law.

    Source: the mixture of Gaussians that Tomczak and Welling 2018, arXiv:1705.07120, compare their prior with. Differs
    from it: the weights are learned too.
    """

    def __init__(self, event: Shape, *, components: int) -> None:
        """Make the parameters for events of a shape, without the batch."""
        super().__init__()
        self.event = event
        self.logits = nn.Parameter(torch.zeros(components))
        self.means = nn.Parameter(_SPREAD_OF_MEANS * torch.randn(components, *event))
        self.raw_stds = nn.Parameter(torch.zeros(components, *event))

    def forward(self) -> GaussianMixture:
        """Return the mixture, of one row for all examples."""
        stds = positive_scale(self.raw_stds)
        return GaussianMixture(logits=self.logits[None], means=self.means[None], stds=stds[None])

    def draw(self, shape: tuple[int, ...], *, like: Tensor) -> Float[Tensor, "B *E"]:
        """Draw events, differentiable in means and scales; shape and `like` are as for a fixed prior."""
        return self.place(self.noise(shape[0], like=like))

    def noise(self, rows: int, *, like: Tensor) -> Float[Tensor, "B D+1"]:
        """Draw what chooses the component of each row, uniform, and what places it there, normal."""
        choice_B1 = uniform((rows, 1), like=like)
        return torch.cat([choice_B1, normal((rows, math.prod(self.event)), like=like)], dim=1)

    def place(self, noise: Float[Tensor, "B D+1"]) -> Float[Tensor, "B *E"]:
        """Return the events that noise stands for. The choice of a component carries no gradient to its weight."""
        weights_K = self.logits.detach().softmax(dim=0)
        # A running sum as a product, which has a fixed order on every device; the last may fall short of one.
        up_to_KK = torch.ones_like(weights_K.expand(len(weights_K), -1)).tril()
        steps_K = up_to_KK @ weights_K
        chosen_B = torch.searchsorted(steps_K, noise[:, 0].to(steps_K).contiguous(), right=True).clamp(
            max=len(steps_K) - 1
        )
        standard = at_least_float32(noise[:, 1:]).reshape(-1, *self.event)
        return self.means[chosen_B] + positive_scale(self.raw_stds)[chosen_B] * standard


def positive_scale(raw: Float[Tensor, "*S"]) -> Float[Tensor, "*S"]:
    """Return softplus of a raw scale, with a floor."""
    return F.softplus(at_least_float32(raw)) + _SMALLEST_SCALE
