"""The table of methods, and that the methods are specs and nothing else."""

import ast
from pathlib import Path

import pytest

from mvib.catalogue import load_catalogue
from mvib.catalogue.training import SETTINGS
from mvib.cli.main import main
from mvib.resources import bundled_specs, specs_folder

PACKAGE = Path(__file__).parents[2] / "mvib"


def test_the_table_beside_the_specs_is_the_one_the_command_prints(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "methods", "--format", "markdown"]) == 0
    page = (specs_folder() / "README.md").read_text(encoding="utf-8")
    assert page.endswith(f"\n\n{capsys.readouterr().out}"), "write it again: make table"


def test_only_methods_have_a_table_of_markdown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "modules", "--format", "markdown"]) == 2
    assert "mvib list methods --format markdown" in capsys.readouterr().err


def test_no_module_knows_a_method_by_its_name() -> None:
    catalogue = load_catalogue()
    entries = [entry for name in catalogue.names() for entry in catalogue.find(name)]
    arguments = {argument.name for argument in (*SETTINGS, *(a for entry in entries for a in entry.arguments))}
    words = {entry.name for entry in entries} | arguments | {PACKAGE.name}
    names = {name.rpartition("/")[2] for name in bundled_specs()} - words
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            texts = (
                {node.value} if isinstance(node, ast.Constant) else {getattr(node, "id", ""), getattr(node, "name", "")}
            )
            found += [f"{path.name}: {text}" for text in texts if isinstance(text, str) and text in names]
    assert found == []


def test_every_spec_says_where_it_comes_from_and_what_it_represents() -> None:
    for name, path in bundled_specs().items():
        text = path.read_text(encoding="utf-8")
        assert text.startswith("# "), name
        assert "\nabout " in text or "extends" in text, name
