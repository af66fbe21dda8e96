"""Whether what was exported computes what the model does."""

import math
from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from mvib.data import Rows
from mvib.export.encoder import Encoder
from mvib.export.errors import ExportError

TOLERANCE = 1e-5
# Batch sizes that differ from each other and from that of the example a program is traced with.
_SIZES = (1, 2, 7)

Examples = Mapping[str, Rows]
Encode = Callable[..., Tensor]


@torch.no_grad()
def check_agreement(what: str, encode: Encode, encoder: Encoder, examples: Examples) -> float:
    """Compare an exported encoder with the one it was made from, on batches of several sizes.

    Args:
        what: is compared, as the subject of a sentence.
        encode: takes the data variables in the order of `encoder.inputs`.
        encoder: of the model, on the CPU.
        examples: rows by data variable; their first ones are used, over again where there are fewer.

    Returns:
        The largest difference, as a share of the largest number of the representation where that is above 1.

    Raises:
        ExportError: the difference is larger than 1e-5, or the exported encoder takes no batch of another size.
    """
    largest = 0.0
    for size in _SIZES:
        batch = [_first_rows(examples[name], size) for name in encoder.inputs]
        expected = encoder(*batch)
        found = encode(*batch)
        if found.shape != expected.shape:
            raise _disagrees(what, f"gives the shape {tuple(found.shape)} for a batch of {size} examples")
        scale = max(1.0, float(expected.abs().max()))
        # The same number twice is no difference, infinities among them.
        difference = torch.where(found == expected, 0.0, (found - expected).abs())
        share = float(difference.max()) / scale
        if math.isnan(share) or share > TOLERANCE:
            raise _disagrees(what, f"differs from the model by {share:.1e} for a batch of {size} examples")
        largest = max(largest, share)
    return largest


def _first_rows(rows: Rows, size: int) -> Tensor:
    number = min(size, len(rows))
    first = rows[:number].cpu()
    return first[torch.arange(size) % number]


def _disagrees(what: str, how: str) -> ExportError:
    remedy = "nothing was written; please report it with the spec, and take `--format safetensors`, which is the model"
    return ExportError(f"{what} {how}, and {TOLERANCE:.0e} is allowed", remedy)
