"""Saturation: the value that an estimate which tells one row from others cannot exceed, the log of their number."""

from math import log

from mvib.catalogue.signature import Candidates
from mvib.semantics.method import Term
from mvib.semantics.values import ArgumentValue, BoundCall


def count_candidates(term: Term, rows: int) -> int | None:
    """How many rows a true one is told from by the estimator of a term, itself among them.

    Args:
        term: the term.
        rows: examples in a batch.

    Returns:
        None where the estimate has no such limit.
    """
    if term.estimator is None or term.call is None:
        return None
    for candidates in term.estimator.candidates:
        value = term.call[candidates.argument] if candidates.argument else None
        if not candidates.argument or _fits(candidates, value):
            memory = candidates.memory * _size(value) if candidates.memory else 0
            return candidates.rows * rows + memory + candidates.offset
    return None


def greatest_estimate(term: Term, rows: int) -> float | None:
    """The value in nats that the estimate of a term cannot exceed with batches of so many rows; None for no limit.

    Source: McAllester and Stratos 2020, 'Formal limitations on the measurement of mutual information'.
    """
    number = count_candidates(term, rows)
    return log(number) if number is not None else None


def _fits(candidates: Candidates, value: ArgumentValue) -> bool:
    if value is None:
        return False
    word = value.name if isinstance(value, BoundCall) else value
    return candidates.word in ("*", word)


def _size(value: ArgumentValue) -> int:
    """Rows of a memory such as `queue(4096)`."""
    if not isinstance(value, BoundCall):
        return 0
    size = value["size"]
    assert isinstance(size, int)
    return size
