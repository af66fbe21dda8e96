"""Laws with discrete variables: a table of probabilities, and a discrete cause or effect of a continuous one."""

# Shape suffixes: A, B numbers of values of X and Y.

import math

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.data.laws.law import Kind, Law


def discrete(table: Float[Tensor, "A B"], *, name: str) -> Law:
    """Two whole numbers with the probabilities of a table.

    Args:
        table: p(x, y), row x, column y, all positive, of sum 1.
        name: of the law.
    """
    p_x, p_y = table.sum(dim=1), table.sum(dim=0)
    log_ratios = table.log() - p_x.log()[:, None] - p_y.log()
    num_y = len(p_y)

    def sample(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        cell = torch.multinomial(table.flatten(), n, replacement=True, generator=generator)[:, None]
        return (cell // num_y).double(), (cell % num_y).double()

    return Law(
        name=name,
        kind=Kind.DISCRETE,
        dim_x=1,
        dim_y=1,
        information=(table * log_ratios).sum().item(),
        sample=sample,
        log_ratio=lambda x, y: log_ratios[x[..., 0].long(), y[..., 0].long()],
        entropy_x=_entropy(p_x),
        entropy_y=_entropy(p_y),
        entropy_xy=_entropy(table),
    )


def symmetric_channel(*, num_values: int, error: float) -> Law:
    """A uniform label and what a channel makes of it that gives each of the other labels with equal probability.

    Args:
        num_values: labels.
        error: probability that the label changes, between 0 and 1.
    """
    off = error / (num_values - 1) / num_values
    table = torch.full((num_values, num_values), off, dtype=torch.float64).fill_diagonal_((1 - error) / num_values)
    return discrete(table, name=f"symmetric channel, {num_values} labels, error {error:g}")


def uniform_step(*, num_values: int) -> Law:
    """X a uniform label in 0, ..., m - 1, and Y uniform on [X, X + 2].

    Args:
        num_values: m; I(X; Y) = log m - (m - 1) / m log 2.

    Source: Gao et al. 2017, arXiv:1709.06212, section 5, experiment I.
    """
    information = math.log(num_values) - (num_values - 1) / num_values * math.log(2)

    def sample(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.randint(num_values, (n, 1), generator=generator).double()
        return x, x + 2 * torch.rand(n, 1, dtype=torch.float64, generator=generator)

    def log_ratio(x: Tensor, y: Tensor) -> Tensor:
        x, y = x[..., 0], y[..., 0]
        # Both densities are counts over 2: of one label, and of the labels whose interval has y, over m.
        labels = torch.where((y < 1) | (y >= num_values), 1.0, 2.0).double()
        return torch.where((y >= x) & (y < x + 2), math.log(num_values) - labels.log(), -math.inf)

    return Law(
        name=f"uniform step, {num_values} labels",
        kind=Kind.MIXED,
        dim_x=1,
        dim_y=1,
        information=information,
        sample=sample,
        log_ratio=log_ratio,
        entropy_x=math.log(num_values),
        entropy_y=information + math.log(2),
        entropy_xy=math.log(num_values) + math.log(2),
    )


def zero_inflated_poisson(*, zeros: float) -> Law:
    """X exponential of mean 1; Y is 0 with some probability, and otherwise Poisson of mean X.

    H(Y) and H(Y | X) have closed terms: without the zeros Y is geometric, p(k) = 2^-(k + 1), X given Y = k is gamma of
    shape k + 1 and rate 2, and exp(-X) is uniform. What is summed over k falls as 2^-k.

    Args:
        zeros: probability of the zeros, from 0 to less than 1.

    Source: Gao et al. 2017, arXiv:1709.06212, section 5, experiment II. Differs from the paper: its (1 - zeros) 0.3012
    is the information when the zeros are marked, I(X; Y, whether Y was put to 0), which is more where zeros > 0.
    """
    keep = 1 - zeros
    log_zero = math.log(zeros + keep / 2)
    # E p(0 | x) log p(0 | x), with p(0 | x) = zeros + keep u for u uniform: the primitive of t log t over keep.
    negative_entropy_at_zero = (-0.25 - _square_log(zeros) / 2 + zeros**2 / 4) / keep
    information = negative_entropy_at_zero - (zeros + keep / 2) * log_zero
    k = torch.arange(1, 80, dtype=torch.float64)
    log_ratio_at_k = (
        -(k + 1) / 2 + k * (torch.digamma(k + 1) - math.log(2)) - torch.lgamma(k + 1) + (k + 1) * math.log(2)
    )
    information += keep * (log_ratio_at_k * 2.0 ** -(k + 1)).sum().item()

    def sample(n: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        x = torch.zeros(n, 1, dtype=torch.float64).exponential_(generator=generator)
        kept = torch.rand(n, 1, dtype=torch.float64, generator=generator) >= zeros
        return x, torch.poisson(x, generator=generator) * kept

    def log_ratio(x: Tensor, y: Tensor) -> Tensor:
        x, y = x[..., 0], y[..., 0]
        positive = torch.xlogy(y, x) - x - torch.lgamma(y + 1) + (y + 1) * math.log(2)
        return torch.where(y == 0, (zeros + keep * (-x).exp()).log() - log_zero, positive)

    return Law(
        name=f"zero-inflated poisson, zeros {zeros:g}",
        kind=Kind.MIXED,
        dim_x=1,
        dim_y=1,
        information=information,
        sample=sample,
        log_ratio=log_ratio,
        entropy_x=1.0,
    )


def _entropy(p: Tensor) -> float:
    return float(torch.special.entr(p).sum())


def _square_log(t: float) -> float:
    """t^2 log t, 0 at 0."""
    return t * t * math.log(t) if t > 0 else 0.0
