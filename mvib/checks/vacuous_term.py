"""vacuous-term: a term that no training can change."""

from collections.abc import Iterator, Mapping

from mvib.catalogue.signature import DistributionEntry, Kind, ModuleEntry, Support, is_learned_prior
from mvib.diagnostics import Diagnostic, Label, Severity, quoted_list
from mvib.graph import InformationGraph, Operand, Reading
from mvib.graph.rates import density_entry
from mvib.semantics.method import Gradient, Member, Method, Quantity, ReferenceKind, Term, VariableKind
from mvib.semantics.values import BoundCall
from mvib.theory.collapse.stakes import reached_by_term
from mvib.theory.collapse.weights import Weights

_OWN = {Kind.CRITIC, Kind.MODULE}


def check_vacuous_term(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Warn about terms that are zero by d-separation, of data only, or cut off from every trained module.

    An estimator that has no gradient at all is refused before: `term-without-gradient`.
    """
    weights = Weights(graph)
    for term in method.terms:
        found = readings.get(term.label, ())
        separated = [r for r in found if not _predicts(r) and is_zero(graph, r.instance.quantity)]
        if separated:
            yield _zero(separated[0].instance.quantity)
        elif found and term.call is not None and all(_is_fixed_rate(graph, term, reading) for reading in found):
            yield _fixed_rate(term.call, found[0])
        elif found and not any(_trains(weights, term, reading) for reading in found):
            yield _untrained(graph, found)


def is_zero(graph: InformationGraph, quantity: Quantity) -> bool:
    """Whether the graph makes an information between variables of p zero: its arguments are d-separated."""
    if quantity.functional not in {"I", "TC"}:
        return False
    groups = [{str(variable.member) for variable in group} for group in quantity.groups]
    given = {str(variable.member) for variable in quantity.condition}
    for i, group in enumerate(groups[:-1]):
        others = set[str]().union(*groups[i + 1 :])
        if group & others or (group | others) & given or not graph.d_separated(group, others, given):
            return False
    return True


def _predicts(reading: Reading) -> bool:
    """Whether a decoder is on the path: what it predicts is no variable of p, and its independence is not known."""
    return any(operand.channels for group in reading.operands for operand in group)


def _trains(weights: Weights, term: Term, reading: Reading) -> bool:
    """Whether anything is trained by an instance: an encoder, a decoder, or a network of the estimator's own."""
    if term.call is not None:
        kinds = {argument.name: argument.kind for argument in term.call.entry.arguments}
        if any(kinds[name] in _OWN for name, value in term.call.arguments if value is not None):
            return True
    prior = reading.instance.quantity.prior
    if prior is not None and is_learned_prior(prior.entry):
        return True
    reference = reading.instance.reference
    if reference is not None and any(m.family == reference.name for m in weights.graph.modules.values()):
        return True
    return bool(reached_by_term(weights, reading))


def _is_fixed_rate(graph: InformationGraph, term: Term, reading: Reading) -> bool:
    """Whether it is the rate of directions against the uniform law of the sphere, which their concentration fixes."""
    named = reading.instance.reference
    if term.call is None or named is None or named.kind is not ReferenceKind.PRIOR:
        return False
    reference = term.call["reference"]
    assert isinstance(reference, BoundCall)
    maker = graph.maker(reading.operands[1][0].member)
    entries = (density_entry(graph, maker) if maker is not None else None, reference.entry)
    return all(isinstance(entry, DistributionEntry) and entry.support is Support.SPHERE for entry in entries)


def _fixed_rate(call: BoundCall, reading: Reading) -> Diagnostic:
    return Diagnostic(
        slug="vacuous-term",
        severity=Severity.WARNING,
        title=f"the rate of `{reading.operands[1][0].member}` against `uniform_sphere` is the same whatever is trained",
        span=call.span,
        label="fixed by `kappa` and the width",
        why="every direction is as far from the uniform law: how much a code can keep is set by its `kappa`",
        remedy="choose `kappa` for the rate and delete the term; where its value is wanted, write above it "
        "`# allow: vacuous-term because it is part of the bound`",
    )


def _zero(quantity: Quantity) -> Diagnostic:
    groups = [quoted_list(str(variable.member) for variable in group) for group in quantity.groups]
    given = quoted_list(str(variable.member) for variable in quantity.condition)
    known = f" once {given} {'is' if len(quantity.condition) == 1 else 'are'} known" if given else ""
    return Diagnostic(
        slug="vacuous-term",
        severity=Severity.WARNING,
        title=f"`{quantity}` is zero whatever is trained: the graph makes its variables independent",
        span=quantity.span,
        label="always zero",
        why=f"no path of the graph links {' and '.join(groups)}{known} (d-separation)",
        remedy=f"leave out the condition: `I({'; '.join(', '.join(str(v) for v in g) for g in quantity.groups)})`"
        if given
        else "delete the term, or ask for variables that have a common source",
    )


def _untrained(graph: InformationGraph, found: tuple[Reading, ...]) -> Diagnostic:
    operands = [operand for group in (*found[0].operands, found[0].condition) for operand in group]
    weights = Weights(graph)
    cut = [operand for operand in operands if weights.upstream(operand.member)]
    return _cut_off(graph, found[0], cut) if cut else _constant(graph, found[0], operands)


def _cut_off(graph: InformationGraph, reading: Reading, cut: list[Operand]) -> Diagnostic:
    """Trained modules make what it is about, and its gradient stops before it reaches them."""
    stopped = quoted_list(dict.fromkeys(str(operand.member) for operand in cut if operand.stopped))
    others = [operand.member for operand in cut if not operand.stopped]
    quantity = reading.instance.quantity
    return Diagnostic(
        slug="vacuous-term",
        severity=Severity.WARNING,
        title=f"no gradient of `{quantity}` reaches anything that is trained",
        span=quantity.span,
        label="cut off from every module",
        secondary=tuple(_stop(graph, member) for member in others[:1]),
        why=f"the gradient stops at {quoted_list(dict.fromkeys(map(str, cut)))}",
        remedy=f"take the `sg` from {stopped}, or from one of them"
        if stopped
        else f"ask for what a gradient passes in the place of {quoted_list(dict.fromkeys(map(str, others)))}",
    )


def _stop(graph: InformationGraph, member: Member) -> Label:
    """Where a gradient stops on the way to a variable."""
    maker = graph.maker(member)
    assert maker is not None, "a variable with trained weights above it is made by something"
    module = graph.modules[maker.module]
    if module.gradient in {Gradient.MOMENTUM, Gradient.STOPPED}:
        return Label(maker.span, f"a copy of `{module.origin}`, which takes no gradient")
    entry = module.call.entry if module.call is not None else None
    if isinstance(entry, ModuleEntry) and entry.stops_gradient:
        return Label(maker.span, f"no gradient passes `{entry.name}`")
    source = next((source for source in maker.sources if Weights(graph).upstream(source)), None)
    if source is None:
        return Label(maker.span, f"a copy of `{module.origin}` that is not trained")
    return _stop(graph, source)


def _constant(graph: InformationGraph, reading: Reading, operands: list[Operand]) -> Diagnostic:
    """Nothing that is trained makes what it is about."""
    quantity = reading.instance.quantity
    return Diagnostic(
        slug="vacuous-term",
        severity=Severity.WARNING,
        title=f"`{quantity}` is the same whatever is trained",
        span=quantity.span,
        label="of nothing that is trained",
        why=f"{_what(graph, operands)}, and no trained module makes any of it",
        remedy="delete the term, or ask for a variable that a trained encoder makes",
    )


def _what(graph: InformationGraph, operands: list[Operand]) -> str:
    names = quoted_list(dict.fromkeys(str(operand.member) for operand in operands))
    kinds = {graph.variables[str(operand.member)].kind for operand in operands}
    if kinds <= {VariableKind.DATA, VariableKind.VIEW}:
        return f"data and views are all it is about: {names}"
    return f"it is about {names}"
