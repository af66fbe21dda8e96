"""`mvib list KIND`: what there is to write in a spec."""

import json

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
        width = max((len(row["name"]) for row in rows), default=0)
        for row in rows:
            details = "; ".join(filter(None, (row.get("estimates", ""), row["about"])))
            click.echo(f"{row['name']:<{width}}  {details}")


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


def _entry_row(entry: Entry) -> dict[str, str]:
    row = {"name": entry.name, "about": entry.about}
    if isinstance(entry, EstimatorEntry):
        row["estimates"] = f"{', '.join(form.value for form in entry.forms)}: {entry.bound.value}"
    return row
