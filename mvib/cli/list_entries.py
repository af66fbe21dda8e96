"""`mvib list KIND`: what there is to write in a spec."""

import json
from collections.abc import Mapping, Sequence

import click

from mvib.catalogue import load_catalogue
from mvib.catalogue.signature import Entry, EstimatorEntry
from mvib.cli.spec_argument import plugin_option
from mvib.driver import analyse, read_source
from mvib.resources import bundled_specs

KINDS = ("methods", "estimators", "modules", "distributions", "channels", "schedules", "optimizers", "data")


@click.command("list")
@click.argument("kinds", nargs=-1, type=click.STRING, metavar="[KIND...]")
@plugin_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text")
def command(kinds: tuple[str, ...], plugins: tuple[str, ...], form: str) -> None:
    """List methods, estimators, modules, distributions, channels, schedules, optimizers or data."""
    wanted = [kind for given in kinds for kind in given.split(",")] or list(KINDS)
    for kind in wanted:
        if kind not in KINDS:
            raise click.UsageError(f"there is no list of `{kind}`; there are {', '.join(KINDS)}")
    tables = {kind: _rows(kind, plugins) for kind in wanted}
    if form == "json":
        click.echo(json.dumps(tables, indent=2, ensure_ascii=False))
        return
    for number, (kind, rows) in enumerate(tables.items()):
        if len(tables) > 1:
            click.echo(("\n" if number else "") + f"{kind}:")
        for line in _estimator_table(rows) if kind == "estimators" else _lines(rows):
            click.echo(line)


def _lines(rows: Sequence[Mapping[str, str]]) -> list[str]:
    width = max((len(row["name"]) for row in rows), default=0)
    return [f"{row['name']:<{width}}  {row['about']}" for row in rows]


# Heading and key of each column of the table of estimators.
_COLUMNS = (
    ("estimator", "name"),
    ("of", "estimates"),
    ("bound", "bound"),
    ("units", "units"),
    ("batch", "batch"),
    ("ranks", "ranks"),
    ("gradient", "gradient"),
    ("saturates at", "saturation"),
)


def _estimator_table(rows: Sequence[Mapping[str, str]]) -> list[str]:
    """What each promises, one a line; `mvib explain NAME` says the rest."""
    table = [[heading for heading, _ in _COLUMNS], *([row.get(key, "") for _, key in _COLUMNS] for row in rows)]
    widths = [max(len(line[column]) for line in table) for column in range(len(_COLUMNS))]
    padded = ("  ".join(f"{text:<{width}}" for text, width in zip(line, widths, strict=True)) for line in table)
    return [line.rstrip() for line in padded]


def _rows(kind: str, plugins: tuple[str, ...]) -> list[dict[str, str]]:
    if kind == "methods":
        return [_method_row(name) for name in bundled_specs()]
    catalogue = load_catalogue(plugins)
    attribute = {"data": "sources"}.get(kind, kind)
    return [_entry_row(entry) for entry in getattr(catalogue, attribute).values()]


def _method_row(name: str) -> dict[str, str]:
    method = analyse(read_source(name)).method
    assert method is not None, f"the bundled spec {name} is wrong"
    citation = method.citations[0].text if method.citations else ""
    return {"name": name, "about": method.about, "paper": citation}


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
