"""Judgements on a method and its graph, one a module; each yields diagnostics and knows no other."""

from collections.abc import Callable, Iterator, Mapping

from mvib.checks.unused_module import check_unused_module
from mvib.checks.unused_parameter import check_unused_parameter
from mvib.checks.unused_variable import check_unused_variable
from mvib.diagnostics import Diagnostic
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Method

Readings = Mapping[str, tuple[Reading, ...]]
Check = Callable[[Method, InformationGraph, Readings], Iterator[Diagnostic]]

CHECKS: tuple[Check, ...] = (check_unused_variable, check_unused_module, check_unused_parameter)


def run_checks(method: Method, graph: InformationGraph, readings: Readings) -> tuple[Diagnostic, ...]:
    """All findings, in the order of the list of checks."""
    return tuple(diagnostic for check in CHECKS for diagnostic in check(method, graph, readings))
