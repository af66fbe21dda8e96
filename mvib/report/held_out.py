"""Whether runs were measured on the same held-out examples; only then are their numbers compared."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

from mvib.report.runs import ReportedRun


def have_same_held_out(runs: Sequence[ReportedRun]) -> bool:
    """Whether all held-out columns that two of the runs share are the same, as far as their folders tell.

    A run of an earlier version has no hash of its held-out part: then the name and the size of its data decide.
    """
    return all(_is_same(one, other) for one, other in pairwise(runs))


def _is_same(one: ReportedRun, other: ReportedRun) -> bool:
    first, second = (run.config.get("held_out_fingerprints") for run in (one, other))
    if not isinstance(first, Mapping) or not isinstance(second, Mapping):
        return have_same_name((one, other))
    shared = [name for name in first if name in second]
    return bool(shared) and all(first[name] == second[name] for name in shared)


def have_same_name(runs: Sequence[ReportedRun]) -> bool:
    """Whether the data of the runs have one name, and as many examples."""
    # The fingerprint is of the columns that a method uses, and differs where one takes labels and another none.
    return len({str([run.config.get(key) for key in ("data", "examples")]) for run in runs}) <= 1
