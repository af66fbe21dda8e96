"""Methods and data that train in a fraction of a second."""

import json
from pathlib import Path
from typing import Any

import torch
from torch import Tensor

import mvib
from mvib.driver import Analysis

CONTRASTIVE = """method Contrastive
param temperature = cosine(0.5 -> 0.2)
data    X: image
view    X[i: 1..2] ~ noise(X, std: 0.2)
encoder f: X[i] -> R[i] = conv(4, 8)
encoder g: R[i] -> Z[i] = mlp(16, 8)
term agree: maximize I(Z[1]; Z[2]) by infonce(temperature: temperature)
represent R
train { data: digits  epochs: 4  batch: 16  optimizer: adamw(lr: 1e-2)  schedule: cosine(warmup: 0.25) }
"""

MOMENTUM = """method Momentum
param m = linear(0.9 -> 1)
data    X: image
view    X[i: 1..2] ~ noise(X, std: 0.2)
encoder f:  X[i] -> Z[i] = conv(4, 8)
encoder ft: X[i] -> T[i] = ema(f, momentum: m)
decoder q:  Z[i] ~> T[j] = vmf(mlp(16, 8), kappa: 2)
minimize sum(i != j) H(T[j] | Z[i]) by q
represent Z
train { data: digits  epochs: 3  batch: 24  optimizer: lars(lr: 0.1)  schedule: constant(warmup: 0.5)  clip: 1 }
"""

BOTTLENECK = """method Bottleneck
data    X: image, Y: label
encoder e: X ~> Z = gaussian(mlp(16), dim: 4)
decoder c: Z ~> Y = categorical()
decoder d: Z ~> X = bernoulli(mlp(16, 16))
term label:  maximize I(Z; Y) by c
term rate:   minimize 1e-3 * I(X; Z) by rate(normal)
term pixels: minimize H(X | Z) by d
represent Z
train { data: digits  epochs: 2  batch: 32  optimizer: sgd(lr: 1e-2) }
"""

METHODS = {"contrastive": CONTRASTIVE, "momentum": MOMENTUM, "bottleneck": BOTTLENECK}


def analysis_of(text: str, settings: dict[str, str | float] | None = None) -> Analysis:
    return mvib.loads(text, settings=settings).analysis


def arrays(*, number: int = 80, bad: bool = False) -> dict[str, Tensor]:
    """Images of one of three shades with noise, and the shade as their label."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(number) % 3
    images = (labels / 3)[:, None, None, None] + 0.2 * torch.rand(number, 1, 4, 4, generator=generator)
    if bad:
        # Finite, and too large for what an encoder makes of it.
        images[:] = 1e38
    return {"image": images, "label": labels}


def metrics(folder: Path) -> list[dict[str, Any]]:
    """Lines of metrics without what depends on the clock."""
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in line.items() if k not in {"seconds", "examples_per_second"}} for line in lines]
