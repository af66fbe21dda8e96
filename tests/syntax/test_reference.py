"""The reference of the language names what there is."""

import re
from pathlib import Path

import pytest

from mvib.catalogue import DATA_TYPES, PREDICATES, load_catalogue
from mvib.catalogue.signature import Argument
from mvib.catalogue.training import SETTINGS
from mvib.diagnostics import render_text
from mvib.source import SourceFile
from mvib.syntax.formatter import format_spec
from mvib.syntax.parser import STATEMENT_KEYWORDS, parse_source

PAGE = (Path(__file__).parents[2] / "grammar" / "README.md").read_text(encoding="utf-8")
CATALOGUE = load_catalogue()
ENTRIES = [
    entry
    for table in (
        CATALOGUE.estimators,
        CATALOGUE.modules,
        CATALOGUE.distributions,
        CATALOGUE.channels,
        CATALOGUE.schedules,
        CATALOGUE.optimizers,
        CATALOGUE.learning_rates,
    )
    for entry in table.values()
]
SPECS = re.findall(r"^```mvib\n(.*?)^```", PAGE, flags=re.MULTILINE | re.DOTALL)


def is_named(argument: Argument) -> bool:
    return re.search(rf"\b{argument.name}\b", PAGE) is not None


@pytest.mark.parametrize("entry", ENTRIES, ids=lambda entry: entry.name)
def test_every_entry_of_the_catalogue_is_named_with_its_arguments(entry: object) -> None:
    name, arguments = getattr(entry, "name"), getattr(entry, "arguments")  # noqa: B009
    assert re.search(rf"`{name}\b", PAGE)
    assert [argument.name for argument in arguments if not is_named(argument)] == []


def test_every_statement_type_predicate_and_setting_is_named() -> None:
    words = {*STATEMENT_KEYWORDS, *DATA_TYPES, *PREDICATES, *(setting.name for setting in SETTINGS)}
    assert {word for word in words if not re.search(rf"`{word}\b", PAGE)} == set()


@pytest.mark.parametrize("text", SPECS)
def test_every_spec_of_the_reference_parses_and_has_the_canonical_layout(text: str) -> None:
    parsed = parse_source(SourceFile("grammar/README.md", text))
    assert render_text(parsed.diagnostics) == ""
    assert format_spec(parsed.spec).rstrip() == text.rstrip()


def test_every_link_inside_the_page_leads_somewhere() -> None:
    headings = re.findall(r"^#+ (.*)$", PAGE, flags=re.MULTILINE)
    anchors = {re.sub(r"[^\w -]", "", heading).lower().replace(" ", "-") for heading in headings}
    assert set(re.findall(r"\]\(#([^)]*)\)", PAGE)) <= anchors
