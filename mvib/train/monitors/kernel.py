"""Matrix-based entropies of a sample, of orders 1 and 2, at a bandwidth relative to the spread of the rows."""

# Shape suffixes: N rows, D dimension.

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from jaxtyping import Float, Int
from torch import Tensor

from mvib.estimators.matrix_entropy import matrix_entropy
from mvib.estimators.renyi import kernel_matrix
from mvib.train.monitors.reading import Reading

ROWS = 256
# Of the root mean square distance of two rows: at 0.6 independent rows of many dimensions have a joint kernel that is
# still told from the identity at 256 rows, and their information is not mistaken for log N.
_BANDWIDTH = 0.6
ORDERS = (1, 2)
# Data do not change while a model trains.
FIXED = ("X", "Y")
BY = f"matrix-based Renyi entropy of order {{}}, Gaussian kernel of {_BANDWIDTH} RMS distances, {ROWS} rows at most"


def relative_kernel(z: Float[Tensor, "N D"]) -> Float[Tensor, "N N"]:
    """The Gaussian kernel of all pairs of rows, whatever their scale; ones where all rows are equal."""
    centred_ND = z.double() - z.double().mean(dim=0)
    distance = (2 * centred_ND.square().sum(dim=1).mean()).sqrt()
    scale = float(z.double().square().sum(dim=1).mean().sqrt())
    if float(distance) <= 1e-6 * scale:
        return torch.ones(len(z), len(z), dtype=torch.float64, device=z.device)
    return kernel_matrix(centred_ND / (_BANDWIDTH * distance), kernel="gaussian")


def label_kernel(labels: Int[Tensor, " N"]) -> Float[Tensor, "N N"]:
    """1 for two rows of one class, 0 for others."""
    one_hot = F.one_hot(labels).double()
    return one_hot @ one_hot.T


def matrix_readings(
    kernels: Mapping[str, Float[Tensor, "N N"]],
    pairs: tuple[tuple[str, str], ...],
    *,
    known: dict[tuple[str, int], float],
) -> Iterator[Reading]:
    """Entropies of variables, joint entropies and mutual information of pairs, of orders 1 and 2, in nats.

    Args:
        kernels: by variable, of unit diagonal, over the same rows.
        pairs: of those variables.
        known: entropies of variables that stay the same, by name and order; those of X and Y are added.
    """
    for order in ORDERS:
        by = BY.format(order)
        alone: dict[str, float] = {}
        for name, kernel in kernels.items():
            value = known.get((name, order))
            alone[name] = float(matrix_entropy(kernel, order=order)) if value is None else value
            if name in FIXED:
                known[name, order] = alone[name]
        for name, value in alone.items():
            yield Reading(name=f"S{order}({name})", value=value, bound="surrogate", by=by)
        for a, b in pairs:
            joint = float(matrix_entropy(kernels[a] * kernels[b], order=order))
            yield Reading(name=f"S{order}({a}, {b})", value=joint, bound="surrogate", by=by)
            information = alone[a] + alone[b] - joint
            yield Reading(name=f"I{order}({a}; {b})", value=information, bound="surrogate", by=by)
