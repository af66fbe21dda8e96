"""infinite-information: a finite estimate of what a deterministic encoder makes infinite."""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from mvib.catalogue.signature import Bound, Interface
from mvib.diagnostics import Diagnostic, Label, quoted_list
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Channel, ChannelKind, Direction, Member, Method, Quantity, Term

_FINITE_TYPES = {"label", "tokens"}


def check_infinite_information(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Refuse estimates whose promise no number can keep, because the quantity is infinite.

    For Z = f(X) of continuous X, I(X; Z) is infinite and H(Z | X) is minus infinity. A lower bound of the first and an
    upper bound of the second are true whatever they say (Deep InfoMax maximises one), and a surrogate promises nothing.
    An exact estimate or a bound from the other side is not one, and a density of Z given X that is fitted with a scale
    of its own shrinks without limit. Rates, and estimators that use an encoder's density, are refused before this.

    Source: Saxe et al. 2018, section 2; Goldfeld et al. 2019, section 1.
    """
    for term in method.terms:
        for reading in readings[term.label]:
            found = _infinite(method, graph, term, reading)
            if found is not None:
                # The other instances of the term have the same mistake.
                yield found
                break


def _infinite(method: Method, graph: InformationGraph, term: Term, reading: Reading) -> Diagnostic | None:
    if any(operand.channels for group in (*reading.operands, reading.condition) for operand in group):
        return None
    match reading.instance.quantity.functional:
        case "I":
            return _infinite_information(graph, term, reading)
        case "H":
            return _infinite_entropy(method, graph, term, reading)
        case _:
            return None


def _infinite_information(graph: InformationGraph, term: Term, reading: Reading) -> Diagnostic | None:
    quantity = reading.instance.quantity
    condition = {variable.member for variable in quantity.condition}
    first, second = ({variable.member for variable in group} for group in quantity.groups)
    is_fitted = term.estimator is not None and term.estimator.interface is Interface.CONDITIONAL
    for made, given in ((second, first), (first, second)):
        found = _find_function(graph, made, given | condition, condition)
        if found is None:
            continue
        if term.bound in {Bound.EXACT, Bound.UPPER}:
            return _refused(graph, quantity, found, f"`{term.estimator_name}` gives a number")
        # q(b | a) is fitted to the second argument only.
        if is_fitted and made is second:
            return _refused(graph, quantity, found, "the variance of the density it fits shrinks to 0")
    return None


def _infinite_entropy(method: Method, graph: InformationGraph, term: Term, reading: Reading) -> Diagnostic | None:
    quantity = reading.instance.quantity
    if term.estimator is not None and term.estimator.interface is Interface.LABELS:
        return None
    all_members = set(quantity.members)
    (group,) = quantity.groups
    candidates = [_find_function(graph, {v.member}, all_members - {v.member}, set()) for v in group]
    found = next((candidate for candidate in candidates if candidate is not None), None)
    if found is None:
        return None
    is_pushed_up = term.bound is Bound.UPPER and term.direction is Direction.MAXIMIZE
    if term.bound in {Bound.EXACT, Bound.LOWER} or is_pushed_up:
        return _refused(graph, quantity, found, f"`{term.estimator_name}` gives a number")
    decoder = reading.instance.decoder
    if decoder is not None and _has_learned_scale(method, decoder):
        return _refused(graph, quantity, found, f"the scale of `{decoder.module}` shrinks to 0")
    return None


def _has_learned_scale(method: Method, decoder: Channel) -> bool:
    call = method.modules[decoder.module].call
    words = call.words() if call is not None else {}
    return any(words.get(argument, "").startswith("learned") for argument in ("var", "scale"))


@dataclass(frozen=True, slots=True)
class _Function:
    """A variable that is a deterministic function of continuous ones."""

    code: Member
    bases: tuple[Member, ...]


def _find_function(
    graph: InformationGraph, made: Collection[Member], given: Collection[Member], condition: Collection[Member]
) -> _Function | None:
    """One of the variables that is a function of given continuous ones, and not of the condition alone."""
    known: dict[Member, set[Member] | None] = {}
    for member in sorted(made):
        bases = _bases(graph, member, given, known) if member not in given else None
        if bases is None:
            continue
        free = sorted(bases - set(condition))
        if any(graph.variables[str(base)].type not in _FINITE_TYPES for base in free):
            return _Function(member, tuple(free))
    return None


def _bases(
    graph: InformationGraph, member: Member, given: Collection[Member], known: dict[Member, set[Member] | None]
) -> set[Member] | None:
    """The given variables that a variable is a deterministic function of; None when it is none.

    What was found for a variable is kept in `known`: many paths may lead to it.
    """
    if member in given:
        return {member}
    if member not in known:
        known[member] = _bases_of_sources(graph, member, given, known)
    return known[member]


def _bases_of_sources(
    graph: InformationGraph, member: Member, given: Collection[Member], known: dict[Member, set[Member] | None]
) -> set[Member] | None:
    maker = graph.maker(member)
    if maker is None or maker.kind is not ChannelKind.ENCODER or maker.stochastic:
        return None
    found = [_bases(graph, source, given, known) for source in maker.sources]
    bases = [part for part in found if part is not None]
    return set().union(*bases) if len(bases) == len(found) else None


def _refused(graph: InformationGraph, quantity: Quantity, found: _Function, label: str) -> Diagnostic:
    maker = graph.maker(found.code)
    assert maker is not None
    family = graph.modules[maker.module].family
    arrow = " ".join(maker.span.text.split()).replace("->", "~>")
    is_entropy = quantity.functional == "H"
    return Diagnostic(
        slug="infinite-information",
        title=f"`{quantity}` is {'minus infinity' if is_entropy else 'infinite'}: "
        f"`{found.code}` is a deterministic function of {quoted_list(map(str, found.bases))}",
        span=quantity.span,
        label=label,
        secondary=(Label(maker.span, "deterministic, drawn with `->`"),),
        why="of continuous variables a deterministic encoder passes unlimited information: given its input, its output "
        "has no density",
        remedy=f"make it stochastic: `encoder {family}: {arrow} = gaussian(mlp(1024), dim: 64)`, or "
        + (
            f"condition `{found.code}` on another view than the one it is computed from"
            if is_entropy
            else "ask for the information between the codes of two views, as `I(Z[1]; Z[2])`"
        ),
    )
