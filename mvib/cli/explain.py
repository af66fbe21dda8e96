"""`mvib explain NAME`: everything known about an entry of the catalogue, a setting, or a kind of diagnostic."""

import click

from mvib.catalogue import load_catalogue
from mvib.catalogue.signature import (
    Argument,
    ChannelEntry,
    DistributionEntry,
    Entry,
    EstimatorEntry,
    ModuleEntry,
    Required,
    SourceEntry,
)
from mvib.catalogue.training import SETTINGS
from mvib.cli.exit_codes import WRONG_USAGE
from mvib.cli.spec_argument import plugin_option
from mvib.diagnostics import nearest
from mvib.resources import diagnostic_pages


@click.command("explain")
@click.argument("name")
@plugin_option
def command(name: str, plugins: tuple[str, ...]) -> int | None:
    """Explain an estimator, module, distribution, channel, data set, train setting, or the slug of a diagnostic."""
    catalogue = load_catalogue(plugins)
    entries = catalogue.find(name)
    pages = diagnostic_pages()
    settings = {setting.name: setting for setting in SETTINGS}
    texts = [_entry_text(entry) for entry in entries]
    if name in settings and not entries:
        texts.append(f"train setting `{name}`: {settings[name].about}\n{_argument_line(settings[name])}")
    if name in pages:
        texts.append(pages[name].read_text(encoding="utf-8").strip())
    if not texts:
        known = [*catalogue.names(), *settings, *pages]
        meant = nearest(name, known)
        click.echo(f"error: nothing is called `{name}`" + (f"; did you mean `{meant}`?" if meant else ""), err=True)
        return WRONG_USAGE
    click.echo("\n\n".join(texts))
    return None


def _entry_text(entry: Entry) -> str:
    kind = type(entry).__name__.removesuffix("Entry").casefold()
    lines = [f"{entry.name} ({kind}): {entry.about}", *_promises(entry)]
    if entry.arguments:
        lines += ["arguments:", *(_argument_line(argument) for argument in entry.arguments)]
    if entry.source:
        lines.append(f"source: {entry.source}")
    return "\n".join(lines)


def _promises(entry: Entry) -> list[str]:
    match entry:
        case EstimatorEntry():
            pairs = {
                "estimates": ", ".join(form.value for form in entry.forms),
                "bound": _bound(entry),
                "exact when": entry.exact_when,
                "formula": entry.formula,
                "needs": entry.needs,
                "couples the examples of a batch": "yes" if entry.couples_batch else "no",
                "saturates at": entry.saturation,
                "units": entry.units,
                "drops": entry.drops,
                "across ranks": entry.reduction.value,
                "unchanged by": "; ".join(invariance.value for invariance in entry.invariances),
                "gradient": "" if entry.differentiable else "none: it measures samples, see `mvib estimate`",
            }
        case DistributionEntry():
            uses = [
                text
                for text, holds in (
                    ("encoders", entry.encodes),
                    ("decoders", entry.decodes),
                    ("priors", entry.is_prior),
                )
                if holds
            ]
            pairs = {
                "for": ", ".join(uses),
                "density of": ", ".join(entry.about_types),
                "as a loss": entry.loss,
                "drops": entry.drops,
            }
        case ModuleEntry():
            pairs = {"takes": entry.takes, "gives": entry.gives}
        case ChannelEntry():
            pairs = {"takes": ", ".join(entry.takes_types), "random": "no" if entry.deterministic else "yes"}
        case SourceEntry():
            pairs = {"columns": ", ".join(f"{name}: {kind}" for name, kind in entry.columns)}
        case _:
            pairs = {}
    return [f"{name}: {text}" for name, text in pairs.items() if text]


def _bound(entry: EstimatorEntry) -> str:
    """The direction of the bound, and where it has another."""
    others = [f"{bound.value} of {form.value}" for form, bound in entry.bound_by_form if bound is not entry.bound]
    for argument, word, bound in entry.bound_when:
        given = f"`{argument}` is given" if word == "*" else f"`{argument}: {word}`"
        others.append(f"{bound.value} where {given}")
    return "; ".join((entry.bound.value, *others))


def _argument_line(argument: Argument) -> str:
    name = f"{argument.name}..." if argument.variadic else argument.name
    takes = (
        " or ".join(argument.choices)
        if argument.choices and argument.kind.value.startswith("one of")
        else " or ".join((*argument.choices, argument.kind.value))
    )
    if isinstance(argument.default, Required):
        default = "required"
    elif argument.default is None:
        default = "may be left out"
    else:
        default = f"default {argument.default}"
    scheduled = "; may follow a schedule" if argument.scheduled else ""
    learnable = "; `learned` trains it" if argument.learnable else ""
    return f"  {name}: {takes}; {default}{scheduled}{learnable}. {argument.about}"
