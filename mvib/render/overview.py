"""What a method is at a glance, as data: graph with families folded, objective, promises of its terms, facts."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from mvib.graph import InformationGraph, Reading
from mvib.render.canonical import (
    GoalLine,
    against_collapse,
    canonical_formula,
    compression_words,
    goal_line,
    kind_words,
)
from mvib.render.compose import Drawable
from mvib.render.declaration import declared_channels, declared_families
from mvib.render.formula import (
    aggregated_formula,
    fact_formula,
    objective_formula,
    scalar_formula,
    subset_text,
    term_formula,
)
from mvib.render.markup import Formula, plain_text
from mvib.render.promise import Promise, promise_of
from mvib.render.route import route_text
from mvib.semantics.method import (
    ChannelKind,
    Family,
    Gradient,
    Member,
    Method,
    Module,
    SettingValue,
    Term,
    VariableKind,
)
from mvib.semantics.values import BoundCall, Scalar, Schedule, Scheduled, is_constant
from mvib.syntax import ast
from mvib.theory.canonical import canonical_form
from mvib.theory.claims import judge_claims
from mvib.theory.classification import Classification, classify
from mvib.theory.collapse import find_collapse
from mvib.theory.verdict import Status, Verdict

_KIND_WORDS = {ChannelKind.VIEW: "view", ChannelKind.ENCODER: "encoder", ChannelKind.DECODER: "decoder"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelLine:
    """The arrows of one statement, families folded.

    Attributes:
        kind: view, encoder, decoder, or momentum copy.
        name: of the module or the view channel.
        arrows: `X[i] -> R[i]`, one a pair of families.
        range: `i = 1..2`, empty without a family.
        definition: the builder or distribution as a spec writes it.
        gradient: how gradients pass it, empty when they do.
    """

    kind: str
    name: str
    arrows: tuple[str, ...]
    range: str
    definition: str
    gradient: str


@dataclass(frozen=True, slots=True, kw_only=True)
class TermLine:
    """A term of the objective with what its estimator promises.

    Attributes:
        label: its label.
        direction: `maximize` or `minimize`.
        formula: direction, weight, aggregation and quantity.
        quantity: aggregation and quantity.
        weight: its weight as a formula.
        path: the names of the modules on its information path, with every branch (`route_text`).
        subset: the examples it is about, as written behind `on`, empty for all.
        num_instances: how many quantities the aggregation runs over.
        promise: of the estimator.
    """

    label: str
    direction: str
    formula: Formula
    quantity: Formula
    weight: Formula
    path: str
    subset: str
    num_instances: int
    promise: Promise


@dataclass(frozen=True, slots=True, kw_only=True)
class ParameterLine:
    """A hyperparameter with its schedule."""

    name: str
    value: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ClaimLine:
    """A claim with what the prover says of it.

    Attributes:
        formula: the claim.
        status: `proved`, or what else was found; of a claim about a family the least of its members.
        holds_for: for which variables it is proved, empty where it is not.
        assumptions: texts of the assumptions that the proof rests on.
    """

    formula: Formula
    status: str
    holds_for: str
    assumptions: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Overview:
    """A method at a glance."""

    name: str
    about: str
    citations: tuple[str, ...]
    parameters: tuple[ParameterLine, ...]
    variables: tuple[str, ...]
    channels: tuple[ChannelLine, ...]
    objective: Formula
    terms: tuple[TermLine, ...]
    assumptions: tuple[Formula, ...]
    claims: tuple[ClaimLine, ...]
    canonical: Formula
    goals: tuple[GoalLine, ...]
    kind: Classification
    facts: tuple[tuple[str, str], ...]
    represent: tuple[str, ...]
    settings: tuple[tuple[str, str], ...]


def build_overview(analysis: Drawable, *, prove: bool = True) -> Overview:
    """The overview of a sound spec.

    Args:
        analysis: of it.
        prove: whether to judge its claims; without it they are left out.
    """
    method, graph = analysis.method, analysis.graph
    assert method is not None, "a wrong spec has no overview"
    assert graph is not None, "a wrong spec has no overview"
    statements = method.spec.statements
    argument = find_collapse(method, graph, analysis.readings)
    form = canonical_form(method, graph, analysis.readings, argument)
    kind = classify(method, graph, analysis.readings, argument, form)
    return Overview(
        name=method.name,
        about=method.about,
        citations=tuple(_citation(c.text, c.arxiv, c.doi) for c in method.citations),
        parameters=tuple(ParameterLine(name=p.name, value=_parameter(p.value)) for p in method.parameters.values()),
        variables=tuple(_variable(f) for f in declared_families(method) if f.kind is VariableKind.DATA),
        channels=tuple(_channel_lines(method)),
        objective=objective_formula(method),
        terms=tuple(_term_line(method, graph, term, analysis.readings.get(term.label, ())) for term in method.terms),
        assumptions=tuple(fact_formula(s.fact) for s in statements if isinstance(s, ast.Assume)),
        claims=tuple(_claim_lines(method, judge_claims(method, graph, explain=False) if prove else ())),
        canonical=canonical_formula(form),
        goals=tuple(goal_line(form, goal) for goal in form.goals),
        kind=kind,
        facts=(
            ("kind", kind_words(kind)),
            ("no collapse by", against_collapse(kind)),
            ("compression", compression_words(kind)),
            ("rests on", ", ".join(kind.assumptions)),
        ),
        represent=_represented(method),
        settings=tuple((key, _setting(value)) for key, value in method.settings.items() if value is not None),
    )


def _represented(method: Method) -> tuple[str, ...]:
    """The representation as written, or the default."""
    written = [s for s in method.spec.statements if isinstance(s, ast.Represent)]
    if written:
        return tuple(_reference_text(reference) for reference in written[-1].variables)
    return tuple(str(member) for member in method.represent)


def _claim_lines(method: Method, verdicts: Sequence[Verdict]) -> Iterator[ClaimLine]:
    """One line a statement: a claim about a family is as good as the worst of its members."""
    order = list(Status)
    for statement in method.spec.statements:
        if not isinstance(statement, ast.Claim):
            continue
        span = statement.relation.span
        own = [v for v in verdicts if v.relation.span == span]
        if not own:
            continue
        worst = max(own, key=lambda verdict: order.index(verdict.status))
        holds = ""
        if worst.status is Status.PROVED:
            is_any = all(verdict.holds_for_any_variables for verdict in own)
            holds = "for any variables" if is_any else "for discrete or quantised variables"
        yield ClaimLine(
            formula=fact_formula(statement.relation),
            status=worst.status.value,
            holds_for=holds,
            assumptions=tuple(dict.fromkeys(a.text for verdict in own for a in verdict.used_assumptions)),
        )


def _citation(text: str, arxiv: str, doi: str) -> str:
    return " ".join(part for part in (text, f"arxiv:{arxiv}" if arxiv else "", f"doi:{doi}" if doi else "") if part)


def _parameter(value: Scalar) -> str:
    if isinstance(value, Scheduled):
        return _schedule(value.schedule)
    text = plain_text(scalar_formula(value))
    return text if is_constant(value) else f"{text}, over training"


def _schedule(schedule: Schedule) -> str:
    extras = [f"at: {schedule.at:g}"] if schedule.shape == "step" else []
    extras += [f"warmup: {schedule.warmup:g}"] if schedule.warmup else []
    extras += [f"start: {schedule.hold:g}"] if schedule.hold else []
    extras += [f"over: {schedule.over:g}"] if schedule.over != 1 else []
    return f"{schedule.shape}({', '.join([f'{schedule.start:g} -> {schedule.end:g}', *extras])}) over training"


def _setting(value: SettingValue) -> str:
    match value:
        case BoundCall():
            return value.text()
        case float():
            return f"{value:g}"
        case _:
            return str(value)


# ---- graph -----------------------------------------------------------------------------------------------------


def _variable(family: Family) -> str:
    index = f"[{', '.join(axis.name for axis in family.axes)}]" if family.axes else ""
    return f"{family.name}{index}: {family.type}{' partial' if family.partial else ''}{_range(family)}"


def _range(family: Family) -> str:
    return "".join(f", {axis.name} = {axis.low}..{axis.high}" for axis in family.axes)


def _channel_lines(method: Method) -> Iterator[ChannelLine]:
    for family_name, group in groupby(
        declared_channels(method), key=lambda c: _statement_key(method.modules[c.module])
    ):
        arrows = list(group)
        first = method.modules[arrows[0].module]
        statement = _statement_of(method, first)
        if statement is not None:
            folded = tuple(_arrow_text(arrow) for arrow in statement.arrows)
        else:
            sources = dict.fromkeys(source for channel in arrows for source in channel.sources)
            folded = (_view_text(method, list(sources), [c.target for c in arrows]),)
        ends = [m for c in arrows for m in (*c.sources, c.target)]
        yield ChannelLine(
            kind="momentum copy" if first.gradient is Gradient.MOMENTUM else _KIND_WORDS[first.kind],
            name=_declared_name(statement, family_name),
            arrows=folded,
            range=", ".join((*_ranges(method, ends), *_module_ranges(statement))),
            definition=first.call.text() if first.call is not None else "",
            gradient={Gradient.STOPPED: "no gradient", Gradient.MOMENTUM: "no gradient", Gradient.FROZEN: "frozen"}.get(
                first.gradient, ""
            ),
        )


def _statement_key(module: Module) -> str:
    return module.name if module.kind is ChannelKind.VIEW else module.family


def _statement_of(method: Method, module: Module) -> ast.Encoder | ast.Decoder | None:
    if module.kind is ChannelKind.VIEW:
        return None
    for statement in method.spec.statements:
        if not isinstance(statement, ast.Encoder | ast.Decoder):
            continue
        is_decoder = isinstance(statement, ast.Decoder)
        if is_decoder == (module.kind is ChannelKind.DECODER) and statement.name.name.text == module.family:
            return statement
    return None


def _declared_name(statement: ast.Encoder | ast.Decoder | None, family: str) -> str:
    if statement is None:
        return family.partition(".")[0]
    binders = [index.name.text for index in statement.name.indices if isinstance(index, ast.Binder)]
    return f"{family}[{', '.join(binders)}]" if binders else family


def _module_ranges(statement: ast.Encoder | ast.Decoder | None) -> list[str]:
    binders = [index for index in (statement.name.indices if statement else ()) if isinstance(index, ast.Binder)]
    return [f"{binder.name.text} = {''.join(binder.range.span.text.split())}" for binder in binders]


def _arrow_text(arrow: ast.Arrow) -> str:
    sources = ", ".join(_reference_text(source) for source in arrow.sources)
    left = f"({sources})" if len(arrow.sources) > 1 else sources
    return f"{left} {'~>' if arrow.stochastic else '->'} {_reference_text(arrow.target)}"


def _reference_text(reference: ast.Reference) -> str:
    indices = [
        index.name.text if isinstance(index, ast.Binder) else index.span.text.strip() for index in reference.indices
    ]
    return f"{reference.name.text}[{','.join(indices)}]" if indices else reference.name.text


def _view_text(method: Method, sources: Sequence[Member], targets: Sequence[Member]) -> str:
    folded = _folded(method, sources)
    left = ", ".join(folded)
    return f"{f'({left})' if len(folded) > 1 else left} ~> {', '.join(_folded(method, targets))}"


def _folded(method: Method, members: Sequence[Member]) -> list[str]:
    """Members with whole families written once: `X[i]`."""
    texts: dict[str, None] = {}
    given = set(members)
    for member in members:
        family = method.family_of(member)
        is_whole = bool(family.axes) and given.issuperset(family.members)
        names = ",".join(axis.name for axis in family.axes)
        texts.setdefault(f"{family.name}[{names}]" if is_whole else str(member))
    return list(texts)


def _ranges(method: Method, members: Sequence[Member]) -> list[str]:
    axes = [axis for member in members for axis in method.family_of(member).axes]
    return list(dict.fromkeys(f"{axis.name} = {axis.low}..{axis.high}" for axis in axes))


# ---- terms -----------------------------------------------------------------------------------------------------


def _term_line(method: Method, graph: InformationGraph, term: Term, readings: Sequence[Reading]) -> TermLine:
    return TermLine(
        label=term.label,
        direction=term.direction.value,
        formula=term_formula(method, term),
        quantity=aggregated_formula(method, term),
        weight=scalar_formula(term.weight),
        path=route_text(graph, method.modules, readings),
        subset=subset_text(term),
        num_instances=len(term.instances),
        promise=promise_of(method, term),
    )
