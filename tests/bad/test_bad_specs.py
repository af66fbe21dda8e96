"""Every wrong spec of this folder is told what is wrong with it in the words of the `.err` file beside it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from mvib.diagnostics import Severity, render_text
from mvib.driver import Analysis, analyse, read_source

HERE = Path(__file__).parent

# Not a slug: files with several mistakes, for what one mistake must not cause.
SEVERAL = "several-mistakes"

# What the compiler finds, from the sizes of the data, lies one folder deeper, and its own tests pin it.
SPECS = sorted(HERE.glob("*/*.mvib"))


def name_of(path: Path) -> str:
    return path.relative_to(HERE).with_suffix("").as_posix()


def analyse_file(path: Path) -> Analysis:
    return analyse(read_source(path))


def rendered(analysis: Analysis, path: Path) -> str:
    # The span of a parent's mistake names the parent by its path beside the child.
    return render_text(analysis.diagnostics).replace(str(path), "$FILE").replace(f"{path.parent}/", "$FOLDER/")


def test_there_are_enough() -> None:
    assert len(SPECS) >= 60


@pytest.mark.parametrize("path", SPECS, ids=name_of)
def test_message(path: Path, golden: Callable[[str, Path], None]) -> None:
    golden(rendered(analyse_file(path), path), Path(name_of(path) + ".err"))


@pytest.mark.parametrize("path", SPECS, ids=name_of)
def test_the_folder_is_the_slug(path: Path) -> None:
    slugs = {diagnostic.slug for diagnostic in analyse_file(path).diagnostics}
    assert slugs == {path.parent.name} or path.parent.name == SEVERAL, slugs


@pytest.mark.parametrize("path", SPECS, ids=name_of)
def test_form_of_the_messages(path: Path) -> None:
    diagnostics = analyse_file(path).diagnostics
    assert diagnostics
    for diagnostic in diagnostics:
        assert diagnostic.remedy, diagnostic.slug
        assert diagnostic.label, diagnostic.slug
        assert not diagnostic.title.endswith("."), diagnostic.title
        assert "\n" not in diagnostic.title
        assert "\n" not in diagnostic.label
        assert diagnostic.span.end <= len(diagnostic.span.source.text)
        # A mistake is marked where words are: an empty span is allowed in an empty file only.
        assert diagnostic.span.text.strip() or not diagnostic.span.source.text.strip()


@pytest.mark.parametrize("path", SPECS, ids=name_of)
def test_nothing_is_said_twice(path: Path) -> None:
    diagnostics = analyse_file(path).diagnostics
    places = [(d.slug, d.title, d.span.source.name, d.span.start) for d in diagnostics]
    assert len(set(places)) == len(places)
    if path.parent.name != SEVERAL:
        # One word is never wrong for two reasons.
        spans = [(d.span.source.name, d.span.start) for d in diagnostics]
        assert len(set(spans)) == len(spans)


def test_warnings_do_not_make_a_spec_wrong() -> None:
    for slug in ("unused-variable", "unused-module", "unused-parameter", "nothing-represented"):
        for path in (HERE / slug).glob("*.mvib"):
            analysis = analyse_file(path)
            assert analysis.is_sound
            assert {d.severity for d in analysis.diagnostics} == {Severity.WARNING}
