"""`mvib list KIND`: what there is to write in a spec."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import fields

import click

from mvib.catalogue import load_catalogue
from mvib.catalogue.signature import Entry, EstimatorEntry
from mvib.cli.spec_argument import plugin_option
from mvib.driver import analyse, read_source
from mvib.render.table import MethodRow, method_row, methods_markdown
from mvib.resources import bundled_specs

KINDS = ("methods", "estimators", "modules", "distributions", "channels", "schedules", "optimizers", "data")


@click.command("list")
@click.argument("kinds", nargs=-1, type=click.STRING, metavar="[KIND...]")
@plugin_option
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text")
def command(kinds: tuple[str, ...], plugins: tuple[str, ...], form: str) -> None:
    """List methods, estimators, modules, distributions, channels, schedules, optimizers or data."""
    wanted = [kind for given in kinds for kind in given.split(",")] or list(KINDS)
    for kind in wanted:
        if kind not in KINDS:
            raise click.UsageError(f"there is no list of `{kind}`; there are {', '.join(KINDS)}")
    if form == "markdown":
        if wanted != ["methods"]:
            raise click.UsageError("only the methods have a table of Markdown: `mvib list methods --format markdown`")
        click.echo(methods_markdown(_method_rows()), nl=False)
        return
    tables = {kind: _rows(kind, plugins) for kind in wanted}
    if form == "json":
        click.echo(json.dumps(tables, indent=2, ensure_ascii=False))
        return
    for number, (kind, rows) in enumerate(tables.items()):
        if len(tables) > 1:
            click.echo(("\n" if number else "") + f"{kind}:")
        for line in _table(_COLUMNS[kind], rows) if kind in _COLUMNS else _lines(rows):
            click.echo(line)


def _lines(rows: Sequence[Mapping[str, str]]) -> list[str]:
    width = max((len(row["name"]) for row in rows), default=0)
    return [f"{row['name']:<{width}}  {row['about']}" for row in rows]


# Heading and key of each column of the lists that are tables; `mvib explain NAME` and `mvib show NAME` say the rest.
_COLUMNS = {
    "estimators": (
        ("estimator", "name"),
        ("of", "estimates"),
        ("bound", "bound"),
        ("units", "units"),
        ("batch", "batch"),
        ("ranks", "ranks"),
        ("gradient", "gradient"),
        ("saturates at", "saturation"),
    ),
    "methods": (
        ("method", "name"),
        ("maximises", "maximises"),
        ("predicts", "predicts"),
        ("compresses", "compresses"),
        ("estimator", "estimators"),
        ("bound", "bounds"),
        ("lines", "lines"),
    ),
}


def _table(columns: Sequence[tuple[str, str]], rows: Sequence[Mapping[str, str]]) -> list[str]:
    table = [[heading for heading, _ in columns], *([row.get(key, "") for _, key in columns] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(columns))]
    padded = ("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)) for line in table)
    return [line.rstrip() for line in padded]


def _rows(kind: str, plugins: tuple[str, ...]) -> list[dict[str, str]]:
    if kind == "methods":
        return [_method_fields(row) for row in _method_rows()]
    catalogue = load_catalogue(plugins)
    attribute = {"data": "sources"}.get(kind, kind)
    return [_entry_row(entry) for entry in getattr(catalogue, attribute).values()]


def _method_rows() -> list[MethodRow]:
    return [method_row(name, analyse(read_source(name), prove=False)) for name in bundled_specs()]


def _method_fields(row: MethodRow) -> dict[str, str]:
    values = {field.name: getattr(row, field.name) for field in fields(row)}
    return {key: ", ".join(value) if isinstance(value, tuple) else str(value) for key, value in values.items()}


def _bound_text(entry: EstimatorEntry) -> str:
    """The direction, with those it has for other forms or arguments behind it."""
    others = [bound for _, bound in entry.bound_by_form] + [bound for _, _, bound in entry.bound_when]
    bounds = dict.fromkeys(bound.value.removesuffix(" bound") for bound in (entry.bound, *others))
    return " or ".join(bounds)


def _entry_row(entry: Entry) -> dict[str, str]:
    row = {"name": entry.name, "about": entry.about}
    if isinstance(entry, EstimatorEntry):
        row |= {
            "estimates": ", ".join(form.value for form in entry.forms),
            "bound": _bound_text(entry),
            "exact when": entry.exact_when,
            "needs": entry.needs,
            "units": "" if entry.units == "none" else entry.units,
            "batch": "coupled" if entry.couples_batch else "",
            "ranks": entry.reduction.name.casefold(),
            "gradient": "" if entry.differentiable else "none",
            "saturation": entry.saturation,
            "source": entry.source,
        }
    return row
