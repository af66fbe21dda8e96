"""Specs as text, and what analysis makes of them."""

from collections.abc import Mapping
from pathlib import Path

from mvib.diagnostics import render_text
from mvib.driver import Analysis, analyse
from mvib.semantics.method import Method, Term
from mvib.source import SourceFile

TWO_VIEWS = """method TwoViews
data    X: image
view    X[i: 1..2] ~ augment(X)
encoder f: X[i] -> Z[i] = backbone()
"""

AUTOENCODER = """method Autoencoder
data    X: image
encoder e: X ~> Z = gaussian(mlp(64), dim: 8)
decoder d: Z ~> X = gaussian(mlp(64))
"""


def analysed(text: str, overrides: Mapping[str, str] | None = None, name: str = "spec.mvib") -> Analysis:
    return analyse(SourceFile(name, text), overrides=overrides)


def resolved(text: str, overrides: Mapping[str, str] | None = None, name: str = "spec.mvib") -> Method:
    """The method of a spec that has no mistake."""
    analysis = analysed(text, overrides, name)
    assert analysis.method is not None, render_text(analysis.diagnostics)
    assert analysis.is_sound, render_text(analysis.diagnostics)
    return analysis.method


def slugs(text: str, overrides: Mapping[str, str] | None = None) -> list[str]:
    return sorted(diagnostic.slug for diagnostic in analysed(text, overrides).diagnostics)


def term_of(method: Method, label: str) -> Term:
    return next(term for term in method.terms if term.label == label)


def channels_of(method: Method, module: str = "") -> list[str]:
    """The arrows of a method, or of one module, as text."""
    return sorted(str(channel) for channel in method.channels if module in ("", channel.module))


def quantities_of(method: Method, label: str) -> list[str]:
    return [str(instance.quantity) for instance in term_of(method, label).instances]


def write_specs(folder: Path, specs: Mapping[str, str]) -> None:
    for name, text in specs.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text, encoding="utf-8")
