"""unused-module: a decoder that no term uses."""

from collections.abc import Iterator, Mapping

from mvib.diagnostics import Diagnostic, Severity
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import ChannelKind, Method, Module


def check_unused_module(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Warn about decoders that estimate no term, give no reference of a rate and are on no path.

    An encoder without use makes a variable without use, which `unused-variable` reports.
    """
    if not method.terms and not method.claims:
        return
    used: set[str] = set()
    for reading in (reading for found in readings.values() for reading in found):
        used |= {method.modules[channel.module].family for channel in reading.path}
        if reading.instance.decoder is not None:
            used.add(method.modules[reading.instance.decoder.module].family)
        if reading.instance.reference is not None:
            used.add(reading.instance.reference.name)
    families: dict[str, Module] = {}
    for module in method.modules.values():
        families.setdefault(module.family, module)
    for name, module in families.items():
        if module.kind is ChannelKind.DECODER and name not in used:
            yield Diagnostic(
                slug="unused-module",
                severity=Severity.WARNING,
                title=f"no term uses the decoder `{name}`",
                span=module.span,
                label="nothing trains it",
                remedy=f"delete it, or write a term with it: `minimize H(A | B) by {name}`",
            )
