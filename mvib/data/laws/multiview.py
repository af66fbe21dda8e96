"""Laws of several views of one thing, with what they share, what is each one's own and what a task needs all known.

View v is an invertible function of s shared factors, each seen with the view's own noise, and of p factors that only
this view has. The label is a function of k factors, shared ones or the first view's own, so that the multiview
assumption, I(X1; Y | X2) = 0, holds, nearly holds or fails as one chooses (Sridharan and Kakade 2008).

* Bits: a factor is a fair bit, and its noise a flip with probability e. One seen bit tells C(e) = log 2 - h(e) of the
  true one and C(2 e (1 - e)) of the same bit seen by another view; without noise I(X1; Y | X2) is exactly 0.
* Gaussian: a factor is standard normal, its noise normal of standard deviation e. The label is the bin, one of 2^k of
  equal probability, of the first factor.
"""

# Shape suffixes: N samples, S shared and P private factors, D = S + P.

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import Enum

import torch
from jaxtyping import Float, Int
from torch import Tensor

LOG2 = math.log(2)


class Factor(Enum):
    """What one factor is."""

    BITS = "bits"
    GAUSSIAN = "gaussian"


class Task(Enum):
    """Which factors the label is a function of."""

    SHARED = "shared"
    PRIVATE = "private"


class Form(Enum):
    """What a view is: its factors turned by a fixed rotation, or drawn as a picture of one cell a factor."""

    VECTOR = "vector"
    IMAGE = "image"


# Bits become -1 and 1 plus uniform jitter of at most this, which hides no bit and is each view's own.
JITTER = 0.5
_CELL = 4
_QUADRATURE = 20_001


@dataclass(frozen=True, slots=True, kw_only=True)
class MultiviewLaw:
    """A joint law of views and a label.

    Attributes:
        views: how many, at least 1.
        shared: factors that all views see.
        private: factors that only one view sees, of each view.
        task: which factors the label depends on.
        bits: the label has 2^bits classes, all of the same probability.
        noise: probability of a flip, up to 1/2; or standard deviation.
        factor: what a factor is.
        form: what a view is.
    """

    views: int = 2
    shared: int = 4
    private: int = 4
    task: Task = Task.SHARED
    bits: int = 2
    noise: float = 0.1
    factor: Factor = Factor.BITS
    form: Form = Form.VECTOR

    @property
    def classes(self) -> int:
        """Of the label."""
        return 1 << self.bits

    @property
    def side(self) -> int:
        """Of a picture, in pixels."""
        return _CELL * math.ceil(math.sqrt(self.shared + self.private))

    def sample(self, n: int, generator: torch.Generator) -> tuple[list[Tensor], Int[Tensor, " N"]]:
        """Draws n independent examples.

        Returns:
            The views, (N, D) or (N, 1, side, side) with pixels in [0, 1], in float32; and the labels.
        """
        shared_NS = self._draw(n, self.shared, generator)
        private = [self._draw(n, self.private, generator) for _ in range(self.views)]
        label = self._label(shared_NS if self.task is Task.SHARED else private[0])
        views = []
        for number, private_NP in enumerate(private):
            seen_ND = self._see(torch.cat([shared_NS, private_NP], dim=1), generator)
            views.append(self._show(seen_ND, number, generator))
        return views, label

    def informations(self) -> Mapping[str, float]:
        """What is known of the law, in nats, by quantity; the variables are `view1`, `view2` and `label`."""
        known = {"H(label)": self.bits * LOG2}
        of_one, of_two = self._about_label(1), self._about_label(2)
        is_shared = self.task is Task.SHARED
        known["I(view1; label)"] = of_one
        if self.views > 1:
            of_other = of_one if is_shared else 0.0
            known["I(view1; view2)"] = self.shared * self._between_views()
            known["I(view2; label)"] = of_other
            known["I(view1, view2; label)"] = of_two if is_shared else of_one
            known["I(view1; label | view2)"] = known["I(view1, view2; label)"] - of_other
            known["I(view2; label | view1)"] = known["I(view1, view2; label)"] - of_one
        return known

    def _draw(self, n: int, number: int, generator: torch.Generator) -> Float[Tensor, "N F"]:
        if self.factor is Factor.BITS:
            return torch.randint(2, (n, number), generator=generator).double()
        return torch.randn(n, number, dtype=torch.float64, generator=generator)

    def _see(self, factors: Float[Tensor, "N D"], generator: torch.Generator) -> Float[Tensor, "N D"]:
        if self.factor is Factor.BITS:
            flips = torch.rand(factors.shape, dtype=torch.float64, generator=generator) < self.noise
            return torch.where(flips, 1 - factors, factors)
        return factors + self.noise * torch.randn(factors.shape, dtype=torch.float64, generator=generator)

    def _label(self, factors: Float[Tensor, "N F"]) -> Int[Tensor, " N"]:
        if self.factor is Factor.BITS:
            powers = torch.arange(self.bits - 1, -1, -1, dtype=torch.float64).exp2()
            label: Tensor = torch.matmul(factors[:, : self.bits], powers).long()
            return label
        bins: Tensor = (torch.special.ndtr(factors[:, 0]) * self.classes).long()
        return bins.clamp(max=self.classes - 1)

    def _show(self, seen: Float[Tensor, "N D"], view: int, generator: torch.Generator) -> Tensor:
        if self.form is Form.IMAGE:
            return self._picture(seen, generator)
        if self.factor is Factor.BITS:
            jitter = 2 * torch.rand(seen.shape, dtype=torch.float64, generator=generator) - 1
            seen = 2 * seen - 1 + JITTER * jitter
        return (seen @ rotation(seen.shape[1], view).T).float()

    def _picture(self, bits: Float[Tensor, "N D"], generator: torch.Generator) -> Float[Tensor, "N 1 H W"]:
        """A cell a bit: stripes that lie for 0 and stand for 1, under pixel noise that hides none."""
        n, number = bits.shape
        grid = self.side // _CELL
        stripes = (torch.arange(_CELL) % 2).double()
        standing, lying = stripes.expand(_CELL, _CELL), stripes[:, None].expand(_CELL, _CELL)
        cells = torch.where(bits[:, :, None, None] > 0.5, standing, lying)
        blank = torch.full((n, grid * grid - number, _CELL, _CELL), 0.5, dtype=torch.float64)
        cells = torch.cat([cells, blank], dim=1).reshape(n, grid, grid, _CELL, _CELL)
        picture = cells.permute(0, 1, 3, 2, 4).reshape(n, 1, self.side, self.side)
        pixel_noise = torch.rand(picture.shape, dtype=torch.float64, generator=generator)
        return (0.25 + 0.3 * picture + 0.28 * (pixel_noise - 0.5)).float()

    def _between_views(self) -> float:
        """I(one shared factor as a view sees it; the same as another does)."""
        if self.factor is Factor.BITS:
            return _capacity(2 * self.noise * (1 - self.noise))
        correlation = 1 / (1 + self.noise**2)
        return -math.log1p(-(correlation**2)) / 2 if self.noise > 0 else math.inf

    def _about_label(self, looks: int) -> float:
        """I(label; some independent looks at the factors that it is a function of)."""
        if self.factor is Factor.BITS:
            return self.bits * _repeated(self.noise, looks)
        # Several looks tell what their mean tells.
        return _binned(self.classes, self.noise / math.sqrt(looks))


def rotation(dim: int, view: int) -> Float[Tensor, "D D"]:
    """The fixed orthogonal matrix that mixes the factors of a view."""
    generator = torch.Generator().manual_seed(1_000_003 * dim + view)
    factor, triangle = torch.linalg.qr(torch.randn(dim, dim, dtype=torch.float64, generator=generator))
    # With these signs it is uniform (Mezzadri 2007).
    signed: Tensor = factor * triangle.diagonal().sign()
    return signed


def _capacity(flip: float) -> float:
    """Log 2 - h(flip): what a fair bit tells of itself after a flip with this probability, in nats."""
    entropy = -sum(p * math.log(p) for p in (flip, 1 - flip) if p > 0)
    return LOG2 - entropy


def _repeated(flip: float, looks: int) -> float:
    """I(a fair bit; several independent looks at it), in nats, over the number of looks that show 1."""
    total = 0.0
    for ones in range(looks + 1):
        if_one = math.comb(looks, ones) * (1 - flip) ** ones * flip ** (looks - ones)
        if_zero = math.comb(looks, ones) * flip**ones * (1 - flip) ** (looks - ones)
        mixed = (if_one + if_zero) / 2
        total += sum(p / 2 * math.log(p / mixed) for p in (if_one, if_zero) if p > 0)
    return total


def _binned(classes: int, noise: float) -> float:
    """I(bin of a standard normal; it plus noise), in nats, by quadrature over what is seen.

    Given w = z + noise, z is normal of mean w / (1 + noise^2) and variance noise^2 / (1 + noise^2).
    """
    if noise == 0:
        return math.log(classes)
    spread = math.sqrt(1 + noise**2)
    seen = torch.linspace(-9 * spread, 9 * spread, _QUADRATURE, dtype=torch.float64)
    density = torch.exp(-((seen / spread) ** 2) / 2) / (spread * math.sqrt(2 * math.pi))
    edges = torch.special.ndtri(torch.arange(classes + 1, dtype=torch.float64) / classes)
    below = torch.special.ndtr((edges - seen[:, None] / spread**2) / (noise / spread))
    entropy_given_seen = torch.special.entr(below.diff(dim=1).clamp(min=0)).sum(dim=1)
    return math.log(classes) - float(torch.trapezoid(density * entropy_given_seen, seen))
