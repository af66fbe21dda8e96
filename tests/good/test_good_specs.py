"""Every spec of this folder is accepted, without a word but for notes, and so is what the formatter makes of it."""

from pathlib import Path

import pytest

from mvib.diagnostics import Severity, render_text
from mvib.driver import analyse, read_source
from mvib.source import SourceFile
from mvib.syntax.formatter import format_spec

# What no theory guarantees is said in a note, which is no mistake.
NOTES = {"stop_gradient": ["collapsed-optimum"]}

SPECS = sorted(Path(__file__).parent.glob("*.mvib"))


def test_there_are_enough() -> None:
    assert len(SPECS) >= 15


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_accepted_without_a_word(path: Path) -> None:
    analysis = analyse(read_source(path))
    assert [d.slug for d in analysis.diagnostics] == NOTES.get(path.stem, []), render_text(analysis.diagnostics)
    assert all(diagnostic.severity is Severity.NOTE for diagnostic in analysis.diagnostics)
    assert analysis.method is not None
    assert set(analysis.readings) == {term.label for term in analysis.method.terms}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_resolved_spec_means_the_same(path: Path) -> None:
    # A run folder holds the resolved tree as text: reading it again must give the same method.
    method = analyse(read_source(path)).method
    assert method is not None
    again = analyse(SourceFile(str(path), format_spec(method.spec))).method
    assert again is not None
    assert again.channels == method.channels
    assert again.modules == method.modules
    assert [(t.label, t.weight, t.instances) for t in again.terms] == [
        (t.label, t.weight, t.instances) for t in method.terms
    ]
    assert again.settings == method.settings
