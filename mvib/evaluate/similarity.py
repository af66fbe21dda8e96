"""How alike the representations of several runs are, on the same held-out examples."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from mvib.evaluate.evaluation import ProbeError
from mvib.evaluate.probes import Rows
from mvib.evaluate.protocols.similarity import CKA_PROTOCOL as CKA_PROTOCOL
from mvib.evaluate.protocols.similarity import linear_cka

CKA = "cka"


@dataclass(frozen=True, slots=True, kw_only=True)
class Similarity:
    """CKA of every pair of runs.

    Attributes:
        names: of the runs.
        values: by row and column; none where a representation is the same for every example.
    """

    names: list[str]
    values: list[list[float | None]]


def compare_representations(features: Mapping[str, Rows]) -> Similarity:
    """CKA of every pair.

    Args:
        features: by run, row by row of the same examples.

    Raises:
        ProbeError: the runs have different numbers of held-out examples, or values that are not finite.
    """
    names = list(features)
    for first, second in itertools.pairwise(names):
        if len(features[first]) != len(features[second]):
            numbers = " and ".join(f"{len(features[name]):,} in `{name}`" for name in (first, second))
            raise ProbeError(f"`cka` needs the same held-out examples, and there are {numbers}; give them: `--data`")
    for name in names:
        if not np.isfinite(features[name]).all():
            raise ProbeError(f"the representation of `{name}` holds values that are not finite; leave this run out")
    return Similarity(
        names=names, values=[[linear_cka(features[one], features[other]) for other in names] for one in names]
    )
