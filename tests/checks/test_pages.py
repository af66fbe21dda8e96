"""Every slug that the package can raise has a page, and every page is about such a slug."""

import re
from pathlib import Path

import pytest

from mvib.diagnostics import render_text
from mvib.driver import analyse
from mvib.source import SourceFile

ROOT = Path(__file__).parents[2]
OF_THE_COMPILER = {"abstract-module"}
PAGES = ROOT / "docs" / "diagnostics"
# Kinds of names that a spec may call, as the package says them to `unknown_entry`.
KIND = re.compile(r'(?:unknown_entry|entry_call)\(\s*[^"]*?"([a-z-][a-z -]*)"')


def slugs_of_the_package() -> set[str]:
    """The slugs written in the source, those made from a kind of name included."""
    slugs: set[str] = set()
    for path in (ROOT / "mvib").rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        slugs.update(re.findall(r'slug(?:=|: str = )"([a-z][a-z-]*)"', text))
        slugs.update(f"unknown-{kind.replace(' ', '-')}" for kind in KIND.findall(text))
    return slugs


def examples(page: str) -> list[str]:
    return re.findall(r"```mvib\n(.*?)```", page, re.DOTALL)


def test_pages_and_slugs_are_the_same() -> None:
    assert {path.stem for path in PAGES.glob("*.md")} == slugs_of_the_package()


def test_slugs_of_the_wrong_specs_are_found_in_the_source() -> None:
    folders = {path.name for path in (ROOT / "tests" / "bad").iterdir() if path.is_dir() and path.name != "__pycache__"}
    assert folders - {"several-mistakes"} <= slugs_of_the_package()


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.stem)
def test_form_of_a_page(path: Path) -> None:
    page = path.read_text(encoding="utf-8")
    assert page.startswith(f"# {path.stem}\n\n")
    assert page.endswith("\n")
    assert max(map(len, page.splitlines())) <= 120
    assert "Instead" in page


@pytest.mark.parametrize("path", sorted(PAGES.glob("*.md")), ids=lambda path: path.stem)
def test_examples_of_a_page(path: Path) -> None:
    """The first example has the mistake, and only it; the second says the same without one."""
    found = examples(path.read_text(encoding="utf-8"))
    if not found:
        return
    wrong, right = (analyse(SourceFile("page.mvib", text)).diagnostics for text in found)
    # What the compiler finds is no mistake to the stages before it.
    assert {diagnostic.slug for diagnostic in wrong} == ({path.stem} - OF_THE_COMPILER)
    assert right == (), render_text(right)
