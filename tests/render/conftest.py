from collections.abc import Callable
from pathlib import Path

import pytest

from mvib.driver import Analysis, analyse
from mvib.source import SourceFile

SPECS = Path(__file__).parent / "specs"

AnalyseText = Callable[[str], Analysis]


@pytest.fixture(scope="session")
def analyse_text() -> AnalyseText:
    """The analysis of a text, which must be sound."""

    def run(text: str) -> Analysis:
        analysis = analyse(SourceFile("test.mvib", text))
        assert analysis.is_sound, [f"{d.span}: {d.title}" for d in analysis.diagnostics]
        return analysis

    return run


@pytest.fixture(scope="session")
def analyse_spec(analyse_text: AnalyseText) -> AnalyseText:
    """The analysis of a spec in the folder of these tests, by name."""
    return lambda name: analyse_text((SPECS / f"{name}.mvib").read_text(encoding="utf-8"))
