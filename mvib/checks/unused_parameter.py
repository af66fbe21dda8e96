"""unused-parameter: a parameter that no number of the spec depends on."""

from collections.abc import Iterator, Mapping

from mvib.diagnostics import Diagnostic, Severity
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Method
from mvib.syntax import ast


def check_unused_parameter(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Warn about parameters whose name stands nowhere in the spec.

    One that is inherited, and whose use has been replaced, is not the spec's own mistake.
    """
    if not method.terms and not method.claims:
        return
    names = set().union(*(_names(statement) for statement in method.spec.statements))
    for parameter in method.parameters.values():
        if parameter.name not in names and parameter.span.source is method.source:
            yield Diagnostic(
                slug="unused-parameter",
                severity=Severity.WARNING,
                title=f"the parameter `{parameter.name}` is never used",
                span=parameter.span,
                label="changes nothing",
                remedy=f"delete it, or use it as a number: `{parameter.name} * H(Z)`",
            )


def _names(node: object) -> set[str]:
    """Every name that stands alone somewhere in a tree."""
    match node:
        case ast.Reference(name=name, indices=()):
            return {name.text}
        case ast.Node():
            fields = [getattr(node, field) for field in node.__dataclass_fields__ if field not in {"span", "source"}]
            return set().union(*(_names(field) for field in fields))
        case tuple():
            return set().union(*(_names(item) for item in node))
        case _:
            return set()
