"""The rows that monitors look at: a fixed sample of the held-out part, and one of the training part for probes."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import prod

import torch
from jaxtyping import Int
from torch import Tensor

from mvib.data import Rows, mask_name, read_batch
from mvib.data.batches import fixed_order
from mvib.train.examples import Examples

# Of each part. On the digits one look then costs less than a training step of 256 (docs/report.md has the numbers).
MOST_ROWS = 256
# Numbers that a sample holds at most (128 MiB), so that one of large images is smaller.
_MOST_NUMBERS = 1 << 25

Batch = Mapping[str, Tensor]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Sample:
    """Rows that stay the same through a run.

    Attributes:
        held_out: held-out examples by data variable.
        train: training examples by data variable, for probes.
        label: name of the label that probes are about, empty where the data have none.
        classes: how many it has.
        held_out_labels, train_labels: its values on the CPU, -1 for a missing one; empty without a label.
    """

    held_out: Batch
    train: Batch
    label: str
    classes: int
    held_out_labels: Int[Tensor, " M"]
    train_labels: Int[Tensor, " N"]

    @property
    def num_held_out(self) -> int:
        """The number of held-out examples."""
        return len(next(iter(self.held_out.values())))


def take_sample(examples: Examples, *, device: torch.device) -> Sample:
    """Take rows spread evenly over both parts, in a random order; those that cannot be read are left out."""
    size = sum(prod(column.shape) for column in examples.columns.values())
    most = max(2, min(MOST_ROWS, _MOST_NUMBERS // max(1, size)))
    label = next(iter(examples.labels), "")
    column = examples.labels.get(label)
    held_out, kept = _take({n: c.test for n, c in examples.columns.items()}, examples.num_held_out, most, device)
    train, kept_train = _take({n: c.train for n, c in examples.columns.items()}, examples.num_train, most, device)
    none = torch.zeros(0, dtype=torch.int64)
    return Sample(
        held_out=held_out,
        train=train,
        label=label,
        classes=0 if column is None else column.classes or 0,
        held_out_labels=none if column is None else column.test[kept].cpu(),
        train_labels=none if column is None else column.train[kept_train].cpu(),
    )


def _take(parts: Mapping[str, Rows], number: int, most: int, device: torch.device) -> tuple[Batch, Tensor]:
    indices = torch.linspace(0, number - 1, min(most, number)).round().long()
    # Batches are taken of them as they lie, and a part may lie in order of class.
    indices = indices[fixed_order(len(indices))]
    taken = read_batch(parts, indices)
    # A picture that cannot be decoded is no number throughout, as is what a partial variable lacks; the mask knows.
    is_whole = torch.ones(len(indices), dtype=torch.bool)
    for name in [name for name, values in taken.items() if values.is_floating_point()]:
        mask = taken.get(mask_name(name))
        if mask is not None:
            # As the model takes them, so that they are numbers in a kernel of the data too.
            lacks = ~mask.reshape(-1, *[1] * (taken[name].dim() - 1))
            taken[name] = taken[name].masked_fill(lacks.to(taken[name].device), 0.0)
        is_whole &= taken[name].flatten(1).isfinite().all(dim=1).cpu()
    rows = {name: values[is_whole.to(values.device)].to(device) for name, values in taken.items()}
    return rows, indices[is_whole]
