"""What `mvib show` prints: a method at a glance as plain text, JSON or LaTeX."""

import json
from collections.abc import Iterator, Sequence
from textwrap import wrap

from mvib.render.canonical import GoalLine
from mvib.render.compose import Drawable
from mvib.render.formula import objective_latex
from mvib.render.markup import Formula, escape_latex, latex, plain_text
from mvib.render.overview import ChannelLine, ClaimLine, Overview, TermLine, build_overview
from mvib.source import display_width, printable

_WIDTH = 100


def summary_text(analysis: Drawable) -> str:
    """The method for a terminal, without escape sequences; the same spec gives the same text."""
    overview = build_overview(analysis)
    blocks = [
        _head(overview),
        _graph(overview),
        ["objective", f"  minimise  {plain_text(overview.objective)}"],
        _terms(overview.terms),
        *(_promises(term) for term in overview.terms),
        _canonical(overview),
        _pairs("understood as", [(name, text) for name, text in overview.facts if text]),
        _facts("assumed", overview.assumptions),
        _claims(overview.claims),
        ["represented", f"  {', '.join(overview.represent)}"],
        _pairs("parameters", [(p.name, p.value) for p in overview.parameters]),
        _pairs("train", overview.settings),
    ]
    return "\n\n".join("\n".join(line.rstrip() for line in block) for block in blocks if block) + "\n"


def _head(overview: Overview) -> list[str]:
    lines = [printable(overview.name)]
    for text in (overview.about, *overview.citations):
        lines += [f"  {line}" for line in wrap(printable(text), _WIDTH - 2)]
    return lines


def _graph(overview: Overview) -> list[str]:
    lines = ["graph", *(f"  data           {printable(variable)}" for variable in overview.variables)]
    rows = [(c.kind, ", ".join(c.arrows), _definition(c), c.range, c.gradient) for c in overview.channels]
    return [*lines, *(f"  {line}" for line in _columns(rows, least=(13,)))]


def _definition(channel: ChannelLine) -> str:
    if channel.kind == "view":
        return f"({channel.definition.removesuffix('()') or channel.name})"
    return f"{channel.name} = {channel.definition}" if channel.definition else channel.name


def _terms(terms: Sequence[TermLine]) -> list[str]:
    if not terms:
        return []
    heads = ("term", "", "quantity", "estimator", "bound", "units", "path")
    rows = [
        (
            term.label,
            term.direction,
            plain_text(term.quantity),
            term.promise.title,
            term.promise.bound_text,
            term.promise.units,
            term.path,
        )
        for term in terms
    ]
    return ["terms", *(f"  {line}" for line in _columns([heads, *rows]))]


def _promises(term: TermLine) -> list[str]:
    """What does not fit the table: weight, saturation, when the bound is exact, what is left out."""
    facts = [
        ("weight", plain_text(term.weight) if plain_text(term.weight) != "1" else ""),
        ("estimate", term.promise.call),
        ("averaged", _examples(term.subset)),
        ("instances", str(term.num_instances) if term.num_instances > 1 else ""),
        ("exact when", term.promise.exact_when),
        ("saturates at", term.promise.saturation),
        ("leaves out", term.promise.drops),
    ]
    lines = [f"  {printable(term.label)}"]
    for name, text in facts:
        for number, line in enumerate(wrap(printable(text), _WIDTH - 18)):
            lines.append(f"    {'' if number else name:<12}  {line}")
    return lines


def _examples(subset: str) -> str:
    if subset.endswith(", of: all)"):
        return f"over all examples, those that are not {subset.partition('(')[0]} as zero: on {subset}"
    return f"over the {subset} examples" if subset else ""


def _facts(title: str, facts: Sequence[Formula]) -> list[str]:
    return [title, *(f"  {plain_text(fact)}" for fact in facts)] if facts else []


def _canonical(overview: Overview) -> list[str]:
    """The canonical form, what each part is made from, and along which path it goes."""
    lines = ["canonical form", f"  {plain_text(overview.canonical)}"]
    rows = [(goal.kind, plain_text(goal.formula), f"along {goal.path}" if goal.path else "") for goal in overview.goals]
    for line, goal in zip(_columns(rows), overview.goals, strict=True):
        lines.append(f"    {line}")
        notes = ([f"of {', '.join(goal.terms)}: {goal.why}"] if goal.why else []) + _target_note(goal)
        lines += [f"      {part}" for note in notes for part in wrap(printable(note), _WIDTH - 6)]
    return lines


def _target_note(goal: GoalLine) -> list[str]:
    targets = [plain_text(target) for target in goal.without_gradient]
    shown = ", ".join(targets[:3]) + (", ..." if len(targets) > len(targets[:3]) else "")
    return [f"no gradient into {shown}"] if targets else []


def _claims(claims: Sequence[ClaimLine]) -> list[str]:
    lines = ["claimed"] if claims else []
    for claim in claims:
        lines.append(f"  {plain_text(claim.formula)}")
        lines += [f"    {part}" for part in wrap(printable(_verdict(claim)), _WIDTH - 4)]
    return lines


def _verdict(claim: ClaimLine) -> str:
    assumed = f", assuming {'; '.join(claim.assumptions)}" if claim.assumptions else ""
    return f"{claim.status}{f' {claim.holds_for}' if claim.holds_for else ''}{assumed}"


def _pairs(title: str, pairs: Sequence[tuple[str, str]]) -> list[str]:
    return [title, *(f"  {line}" for line in _columns(pairs))] if pairs else []


def _columns(rows: Sequence[Sequence[str]], least: Sequence[int] = ()) -> Iterator[str]:
    """Rows with their cells aligned; columns that are empty throughout are left out."""
    shown = [[printable(cell) for cell in row] for row in rows]
    count = max((len(row) for row in shown), default=0)
    widths = [max((display_width(row[i]) for row in shown), default=0) for i in range(count)]
    widths = [max(width, least[i]) if i < len(least) else width for i, width in enumerate(widths)]
    for row in shown:
        cells = [cell + " " * (widths[i] - display_width(cell)) for i, cell in enumerate(row) if widths[i]]
        yield "  ".join(cells).rstrip()


# ---- JSON and LaTeX --------------------------------------------------------------------------------------------


def summary_json(analysis: Drawable) -> str:
    """The method for programs: the keys are stable, formulas are plain text."""
    overview = build_overview(analysis)
    record = {
        "method": overview.name,
        "about": overview.about,
        "citations": list(overview.citations),
        "parameters": {parameter.name: parameter.value for parameter in overview.parameters},
        "data": list(overview.variables),
        "channels": [
            {
                "kind": channel.kind,
                "name": channel.name,
                "arrows": list(channel.arrows),
                "range": channel.range,
                "definition": channel.definition,
                "gradient": channel.gradient or "passes",
            }
            for channel in overview.channels
        ],
        "objective": plain_text(overview.objective),
        "terms": [_term_record(term) for term in overview.terms],
        "assumptions": [plain_text(fact) for fact in overview.assumptions],
        "claims": [
            {
                "relation": plain_text(claim.formula),
                "status": claim.status,
                "holds_for": claim.holds_for,
                "assumptions": list(claim.assumptions),
            }
            for claim in overview.claims
        ],
        "canonical": {
            "objective": plain_text(overview.canonical),
            "goals": [
                {
                    "kind": goal.kind,
                    "quantity": plain_text(goal.formula),
                    "path": goal.path,
                    "terms": list(goal.terms),
                    "why": goal.why,
                    "without_gradient": [plain_text(target) for target in goal.without_gradient],
                }
                for goal in overview.goals
            ],
        },
        "classification": {
            "approach": overview.kind.approach.value,
            "contrastive": overview.kind.contrastive,
            "views": overview.kind.views.value,
            "supervision": overview.kind.supervision.value,
            "collapse": overview.kind.collapse.value,
            "against_collapse": [kind.value for kind in overview.kind.against_collapse],
            "compression": overview.kind.compression.value,
            "compresses": [str(goal.shape) for goal in overview.kind.compresses],
            "assumptions": list(overview.kind.assumptions),
        },
        "represent": list(overview.represent),
        "train": dict(overview.settings),
    }
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def _term_record(term: TermLine) -> dict[str, str | int]:
    return {
        "label": term.label,
        "direction": term.direction,
        "weight": plain_text(term.weight),
        "quantity": plain_text(term.quantity),
        "path": term.path,
        "subset": term.subset,
        "instances": term.num_instances,
        "estimator": term.promise.call,
        "bound": term.promise.bound.value,
        "units": term.promise.units,
        "saturation": term.promise.saturation,
        "exact_when": term.promise.exact_when,
        "drops": term.promise.drops,
    }


def summary_latex(analysis: Drawable) -> str:
    """The objective as an equation and the terms as a table, for a paper that loads amsmath."""
    method = analysis.method
    assert method is not None, "a wrong spec has no overview"
    overview = build_overview(analysis)
    rows = [
        rf"{escape_latex(term.label)} & ${latex(term.formula)}$ & {escape_latex(term.promise.title)} & "
        rf"{escape_latex(term.promise.bound_text)} & {escape_latex(term.promise.units)} \\"
        for term in overview.terms
    ]
    facts = [rf"\item assumed: ${latex(fact)}$" for fact in overview.assumptions]
    facts += [rf"\item claimed: ${latex(claim.formula)}$; {escape_latex(_verdict(claim))}" for claim in overview.claims]
    facts += [rf"\item {escape_latex(name)}: {escape_latex(text)}" for name, text in overview.facts if text]
    lines = [
        rf"\paragraph{{{escape_latex(overview.name)}}} {escape_latex(overview.about)}".rstrip(),
        r"\begin{equation*}",
        f"  {objective_latex(method)}",
        r"\end{equation*}",
        "In canonical form,",
        r"\begin{equation*}",
        f"  {latex(overview.canonical)}",
        r"\end{equation*}",
        r"\begin{tabular}{lllll}",
        r"\hline",
        r"term & quantity & estimator & bound & units \\ \hline",
        *rows,
        r"\hline",
        r"\end{tabular}",
        *([r"\begin{itemize}", *facts, r"\end{itemize}"] if facts else []),
    ]
    return "\n".join(lines) + "\n"
