"""Judgements on a method and its graph, one a module; each yields diagnostics and knows no other."""

from collections.abc import Callable, Iterator, Mapping

from mvib.checks.bound_direction import check_bound_direction
from mvib.checks.claims import check_claims
from mvib.checks.collapse import check_collapse
from mvib.checks.compression import check_compression
from mvib.checks.infinite_information import check_infinite_information
from mvib.checks.saturation import check_saturation
from mvib.checks.shapes import check_shapes
from mvib.checks.unused_module import check_unused_module
from mvib.checks.unused_parameter import check_unused_parameter
from mvib.checks.unused_variable import check_unused_variable
from mvib.checks.vacuous_term import check_vacuous_term
from mvib.diagnostics import Diagnostic
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Method

Readings = Mapping[str, tuple[Reading, ...]]
Check = Callable[[Method, InformationGraph, Readings], Iterator[Diagnostic]]

CHECKS: tuple[Check, ...] = (
    check_unused_variable,
    check_unused_module,
    check_unused_parameter,
    check_shapes,
    check_bound_direction,
    check_infinite_information,
    check_saturation,
    check_compression,
    check_vacuous_term,
    check_collapse,
    check_claims,
)


def run_checks(
    method: Method, graph: InformationGraph, readings: Readings, *, prove: bool = True
) -> tuple[Diagnostic, ...]:
    """All findings, in the order of the list of checks.

    Args:
        method: resolved.
        graph: of it.
        readings: of its terms.
        prove: whether to prove the claims, which takes longest.
    """
    checks = CHECKS if prove else tuple(check for check in CHECKS if check is not check_claims)
    return tuple(diagnostic for check in checks for diagnostic in check(method, graph, readings))
