"""`mvib explain NAME`: everything known about an entry of the catalogue, a setting, or a kind of diagnostic."""

import json
from dataclasses import dataclass
from typing import Any

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
from mvib.driver import analyse, read_source
from mvib.resources import bundled_specs, diagnostic_pages


@click.command("explain")
@click.argument("name")
@plugin_option
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", help="Of the explanation.")
def command(name: str, plugins: tuple[str, ...], form: str) -> int | None:
    """Explain an estimator, module, distribution, channel, data set, train setting, method, or slug of a diagnostic."""
    catalogue = load_catalogue(plugins)
    entries = catalogue.find(name)
    pages, methods = diagnostic_pages(), bundled_specs()
    settings = {setting.name: setting for setting in SETTINGS}
    found = [_Explained(_kind(entry), entry.name, entry.about, _entry_text(entry), entry) for entry in entries]
    if name in settings and not entries:
        setting = settings[name]
        text = f"train setting `{name}`: {setting.about}\n{_argument_line(setting)}"
        found.append(_Explained("train setting", name, setting.about, text))
    if name in pages:
        text = pages[name].read_text(encoding="utf-8").strip()
        found.append(_Explained("diagnostic", name, text.splitlines()[0].lstrip("# "), text))
    if name in methods:
        found.append(_explain_method(name))
    if not found:
        known = [*catalogue.names(), *settings, *pages, *methods]
        meant = nearest(name, known)
        click.echo(f"error: nothing is called `{name}`" + (f"; did you mean `{meant}`?" if meant else ""), err=True)
        return WRONG_USAGE
    if form == "json":
        click.echo(json.dumps([one.to_json() for one in found], indent=2, ensure_ascii=False))
    else:
        click.echo("\n\n".join(one.text for one in found))
    return None


@dataclass(frozen=True, slots=True)
class _Explained:
    """Something of a name: its kind, what it is in one sentence, and all of it as text."""

    kind: str
    name: str
    about: str
    text: str
    entry: Entry | None = None

    def to_json(self) -> dict[str, Any]:
        found: dict[str, Any] = {"name": self.name, "kind": self.kind, "about": self.about}
        if self.entry is not None:
            found |= _promises(self.entry)
            found["arguments"] = [
                {"name": argument.name, "about": argument.about, "text": _argument_line(argument).strip()}
                for argument in self.entry.arguments
            ]
            found["source"] = self.entry.source
        return found | {"text": self.text}


def _explain_method(name: str) -> _Explained:
    method = analyse(read_source(name)).method
    assert method is not None, "the bundled specs are sound"
    cited = "".join(f"\nsource: {cite.text}" for cite in method.citations)
    text = f"{name} (method): {method.about}{cited}\n`mvib show {name}` shows its terms, `mvib render {name}` draws it"
    return _Explained("method", name, method.about, text)


def _kind(entry: Entry) -> str:
    return type(entry).__name__.removesuffix("Entry").casefold()


def _entry_text(entry: Entry) -> str:
    lines = [f"{entry.name} ({_kind(entry)}): {entry.about}"]
    lines += [f"{name}: {text}" for name, text in _promises(entry).items()]
    if entry.arguments:
        lines += ["arguments:", *(_argument_line(argument) for argument in entry.arguments)]
    if entry.source:
        lines.append(f"source: {entry.source}")
    return "\n".join(lines)


def _promises(entry: Entry) -> dict[str, str]:
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
                "has its mass on": entry.support.value,
                "as a loss": entry.loss,
                "drops": entry.drops,
                "trains": entry.learns,
            }
        case ModuleEntry():
            pairs = {"takes": entry.takes, "gives": entry.gives}
        case ChannelEntry():
            pairs = {"takes": ", ".join(entry.takes_types), "random": "no" if entry.deterministic else "yes"}
        case SourceEntry():
            pairs = {"columns": ", ".join(f"{name}: {kind}" for name, kind in entry.columns)}
        case _:
            pairs = {}
    return {name: text for name, text in pairs.items() if text}


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
