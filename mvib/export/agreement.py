"""Whether what was exported computes what the model does that the user has evaluated."""

import math
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from mvib.compile import CompiledModel
from mvib.data import Rows
from mvib.export.errors import ExportError

TOLERANCE = 1e-5
# Batch sizes that differ from each other and from that of the example a program is traced with.
SIZES = (1, 2, 7, 32)

_SMALLEST = torch.finfo(torch.float32).tiny

Examples = Mapping[str, Rows]
Encode = Callable[..., Tensor]


@torch.no_grad()
def check_agreement(
    what: str, encode: Encode, model: CompiledModel, inputs: Sequence[str], examples: Examples
) -> float:
    """Compare an exported encoder with `model.encode`, on other rows of the data for each of several batch sizes.

    Args:
        what: is compared, as the subject of a sentence.
        encode: takes the data variables in the order of `inputs`.
        model: on the CPU; `encode` of it is what a run is evaluated by.
        inputs: names of the data variables that the encoder takes.
        examples: rows by data variable, masks among them; over again where there are fewer than are asked for.

    Returns:
        The largest difference, as a share of the largest number of the representation.

    Raises:
        ExportError: the difference is larger than 1e-5, or the exported encoder takes no batch of another size.
    """
    pairs: list[tuple[Tensor, Tensor]] = []
    start = 0
    for size in SIZES:
        batch = {name: _some_rows(rows, start, size) for name, rows in examples.items()}
        start += size
        expected = model.encode(batch).flatten(1)
        try:
            found = encode(*(batch[name] for name in inputs))
        except Exception as error:
            # Whatever reads the file raises what it likes; that it does is the finding.
            raise _disagrees(what, f"cannot take a batch of {size} examples: {_first_line(error)}") from error
        if found.shape != expected.shape:
            raise _disagrees(what, f"gives the shape {tuple(found.shape)} for a batch of {size} examples")
        pairs.append((found, expected))
    # Of all rows: one alone may be near 0 by cancellation. Of numbers that are all small, too: nothing else says how
    # large a difference is. Where all are 0 any other number is one.
    scale = max(float(expected.abs().max()) for _, expected in pairs) or _SMALLEST
    largest = 0.0
    for found, expected in pairs:
        # The same number twice is no difference, infinities among them.
        difference = torch.where(found == expected, 0.0, (found - expected).abs())
        share = float(difference.max()) / scale
        if math.isnan(share) or share > TOLERANCE:
            how = f"differs from the model by {share:.1e} for a batch of {len(expected)} examples"
            raise _disagrees(what, f"{how}, where {TOLERANCE:.0e} is allowed")
        largest = max(largest, share)
    return largest


def _some_rows(rows: Rows, start: int, size: int) -> Tensor:
    places = torch.arange(start, start + size) % len(rows)
    return rows[places].cpu()


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0][:300].rstrip(".")


def _disagrees(what: str, how: str) -> ExportError:
    remedy = "nothing was written; please report it with the spec, and leave this format out"
    return ExportError(f"{what} {how}", remedy)
