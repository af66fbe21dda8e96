"""`mvib diff A B`: what differs between two methods, and whether they optimise the same information."""

import click

from mvib.cli.spec_argument import load_analysis, plugin_option
from mvib.driver import Analysis, analyse, read_source
from mvib.render.comparison import difference_json, difference_text
from mvib.render.family import family_dot, family_markdown, family_text
from mvib.render.image import render_image
from mvib.resources import bundled_specs
from mvib.theory.comparison import Sameness, Subject, build_subject, compare, find_bounds
from mvib.theory.family import build_family, compare_all

_OF_PAIR = {"text": difference_text, "json": difference_json}
_OF_ALL = ("text", "markdown", "dot", "svg")
_NUM_METHODS = 2


@click.command("diff")
@click.argument("methods", nargs=-1, metavar="A B")
@plugin_option
@click.option("--all", "is_all", is_flag=True, help="All bundled specs with each other, in the place of A and B.")
@click.option(
    "--format",
    "form",
    type=click.Choice(list(dict.fromkeys((*_OF_PAIR, *_OF_ALL)))),
    default="text",
    help="Of what is printed: text or json; with --all text, markdown, dot or svg.",
)
def command(methods: tuple[str, ...], plugins: tuple[str, ...], is_all: bool, form: str) -> None:
    """Compare two methods at each level: graph, quantities, estimators, assumptions.

    Variables are compared by what they are to the method: X1 and X2 are its inputs, Z1 and Z2 their codes at whatever
    depth, Y is a label.
    """
    if is_all:
        _print_all(methods, form)
        return
    if len(methods) != _NUM_METHODS:
        raise click.UsageError("it takes two methods, for example `mvib diff mvib simclr`, or --all")
    if form not in _OF_PAIR:
        raise click.UsageError(f"of two methods there is {' and '.join(_OF_PAIR)}; {form} is for --all")
    first, second = (_subject(load_analysis(file, plugins=plugins)) for file in methods)
    difference = compare(first, second)
    bounds = find_bounds(difference) if difference.sameness is Sameness.DIFFERENT else ()
    click.echo(_OF_PAIR[form](difference, bounds), nl=False)


def _print_all(methods: tuple[str, ...], form: str) -> None:
    if methods:
        raise click.UsageError("--all compares the bundled specs, and takes no methods")
    if form not in _OF_ALL:
        raise click.UsageError(f"with --all there is {', '.join(_OF_ALL)}, and not {form}")
    subjects = {name: _subject(analyse(read_source(name), prove=False)) for name in bundled_specs()}
    family = build_family(subjects, compare_all(subjects))
    match form:
        case "markdown":
            click.echo(family_markdown(family, picture="family.svg"), nl=False)
        case "dot":
            click.echo(family_dot(family), nl=False)
        case "svg":
            click.echo(render_image(family_dot(family), "svg"), nl=False)
        case _:
            click.echo(family_text(family), nl=False)


def _subject(analysis: Analysis) -> Subject:
    assert analysis.method is not None, "only sound specs are loaded"
    assert analysis.graph is not None, "only sound specs are loaded"
    return build_subject(analysis.method, analysis.graph, analysis.readings)
