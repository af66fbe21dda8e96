"""What each term has at stake in a constant: whether the constant optimises it, or it speaks against one."""

from collections.abc import Iterable
from dataclasses import dataclass

from mvib.catalogue.signature import EstimatorEntry, Form, Interface, Spread, is_learned_prior
from mvib.graph import InformationGraph, Operand, Reading
from mvib.semantics.method import Channel, ChannelKind, Direction, Gradient, Member, Term, VariableKind
from mvib.semantics.values import ArgumentValue, Constant, Learned, Named, Operation, Scheduled, value_at
from mvib.theory.collapse.argument import Mechanism, MechanismKind, Strength
from mvib.theory.collapse.constancy import Constancy, Step, constancy_of_operand
from mvib.theory.collapse.weights import Weights

_PROGRESS = tuple(i / 20 for i in range(21))
_NONE: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True, kw_only=True)
class Prediction:
    """How a term predicts a learned variable.

    Attributes:
        upstream: trained weights that what is predicted depends on: the side that no gradient reaches, if there is one.
        online: trained weights that a gradient reaches on the predicting side, a decoder's included.
        stopped: whether no gradient reaches the target.
        momentum: whether a momentum copy makes the target.
        steps: what spreads the target.
        is_sharp: whether the target is nearer to one class than the prediction.
        is_sure: whether the estimate is best only where each target is one class.
    """

    upstream: frozenset[str]
    online: frozenset[str]
    stopped: bool
    momentum: bool
    steps: tuple[Step, ...]
    is_sharp: bool
    is_sure: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Stake:
    """What one instance of a term has at stake.

    Attributes:
        term: the label of the term.
        modules: trained modules whose constancy optimises it; empty where no constant does.
        is_pull: whether a learned variable is predicted, or its entropy shrunk: what a collapse starts from. A rate
            goes along, and is no reason on its own: compression is asked for.
        prediction: of a term that predicts a learned variable, how.
        constant: of a pull, what is predicted or shrunk.
        online: of a pull, what its gradient reaches: what predicts or is shrunk.
        upstream: trained weights that its value depends on.
        reached: trained weights that its gradient reaches.
        mechanisms: what in it speaks against a constant.
        evens: whether it wants all classes predicted equally often.
        is_sure: whether its estimate is best only where each prediction is one class.
    """

    term: str
    modules: frozenset[str] = _NONE
    is_pull: bool = False
    prediction: Prediction | None = None
    constant: tuple[Member, ...] = ()
    online: tuple[Member, ...] = ()
    upstream: frozenset[str]
    reached: frozenset[str]
    mechanisms: tuple[Mechanism, ...] = ()
    evens: bool = False
    is_sure: bool = False


def is_live(term: Term) -> bool:
    """Whether the weight of a term is ever other than zero."""
    return any(value_at(term.weight, progress) != 0 for progress in _PROGRESS)


def reached_by_term(weights: Weights, reading: Reading) -> frozenset[str]:
    """The trained weights of encoders and decoders that the gradient of one instance of a term reaches."""
    decoder = reading.instance.decoder
    if decoder is None:
        return weights.reached_by(_operands(reading))
    return weights.reached_by((_target(reading, decoder), _predicted(reading, decoder)))


def find_stake(weights: Weights, trained: frozenset[str], term: Term, reading: Reading) -> Stake | None:
    """What one instance of a term has at stake in a constant; None where a constant is nothing to it.

    Args:
        weights: of the graph.
        trained: the weights that any term of the method trains.
        term: the term.
        reading: the instance, with its path.
    """
    decoder = reading.instance.decoder
    if decoder is not None:
        form = reading.instance.quantity.form
        is_fit = (term.direction is Direction.MINIMIZE) is (form is Form.CONDITIONAL_ENTROPY)
        sides = (_target(reading, decoder), _predicted(reading, decoder))
        return _predicts(weights, trained, term, *sides) if is_fit else None
    if term.direction is Direction.MAXIMIZE:
        return _maximized(weights, trained, term, reading)
    return _minimized(weights, trained, term, reading)


def _maximized(weights: Weights, trained: frozenset[str], term: Term, reading: Reading) -> Stake | None:
    """H(A) and I(A; B): no constant is an optimum where the estimator repels; an even prediction may be constant."""
    operands = _operands(reading)
    reached = weights.reached_by(operands)
    if not reached:
        return None
    spread = _spread(term, reading)
    evens = spread is Spread.EVENNESS
    mechanisms: tuple[Mechanism, ...] = ()
    if spread is Spread.REPULSION:
        is_entropy = reading.instance.quantity.form is Form.ENTROPY
        names = [weights.graph.variables[str(operand.member)].type for operand in operands]
        kind = MechanismKind.ENTROPY if is_entropy else MechanismKind.INFORMATION
        mechanisms = (_guaranteed(MechanismKind.LABELS if "label" in names else kind, term),)
    if not mechanisms and not evens:
        return None
    upstream = weights.upstream_of(operands)
    return Stake(term=term.label, upstream=upstream, reached=reached, mechanisms=mechanisms, evens=evens)


def _minimized(weights: Weights, trained: frozenset[str], term: Term, reading: Reading) -> Stake | None:
    """H(A | B) compares or shrinks; H(A), I and D of a constant are least, a D only where noise can be the prior."""
    form, operands = reading.instance.quantity.form, _operands(reading)
    reached = weights.reached_by(operands)
    if not reached:
        return None
    spread = _spread(term, reading)
    first = reading.operands[0][0]
    entry = term.estimator
    assert entry is not None
    compares = entry.same_width or entry.interface is Interface.LABELS
    if spread is Spread.REPULSION and form in {Form.CONDITIONAL_ENTROPY, Form.DIVERGENCE}:
        is_noise = form is Form.DIVERGENCE and _is_drawn(weights.graph, first.member)
        if is_noise or _has_learned_prior(reading):
            return _shrinks(weights, trained, term, operands, is_pull=not is_noise)
        kind = MechanismKind.PRIOR if form is Form.DIVERGENCE else MechanismKind.WHITENING
        upstream = weights.upstream_of(operands)
        return Stake(term=term.label, upstream=upstream, reached=reached, mechanisms=(_guaranteed(kind, term),))
    if form is Form.CONDITIONAL_ENTROPY and compares and reading.condition:
        return _predicts(weights, trained, term, first, reading.condition[0])
    if form in {Form.CONDITIONAL_ENTROPY, Form.ENTROPY}:
        return _shrinks(weights, trained, term, reading.operands[0], is_pull=True, sure=spread is Spread.SURENESS)
    if form is Form.DIVERGENCE:
        return None
    return _shrinks(weights, trained, term, operands, is_pull=False)


def _shrinks(
    weights: Weights, trained: frozenset[str], term: Term, operands: Iterable[Operand], *, is_pull: bool,
    sure: bool = False,
) -> Stake | None:  # fmt: skip
    """A term that a constant of any of its learned variables optimises."""
    operands = tuple(operands)
    constancies = {operand: constancy_of_operand(weights, trained, operand) for operand in operands}
    found = [constancy for constancy in constancies.values() if constancy is not None]
    members = tuple(operand.member for operand, constancy in constancies.items() if constancy is not None)
    if not found or not weights.reached_by(operands):
        return None
    return Stake(
        term=term.label,
        modules=_NONE.union(*(constancy.modules for constancy in found)),
        is_pull=is_pull,
        constant=members if is_pull else (),
        online=members if is_pull else (),
        upstream=weights.upstream_of(operands),
        reached=weights.reached_by(operands),
        mechanisms=_whitened(term, found),
        is_sure=sure,
    )


def _predicts(weights: Weights, trained: frozenset[str], term: Term, first: Operand, second: Operand) -> Stake | None:
    """H(A | B) by a distance or a density: a constant is predicted perfectly, what nothing trains is not."""
    reached = weights.reached_by((first, second))
    if not reached:
        return None
    upstream = weights.upstream_of((first, second))
    constancies = {side: constancy_of_operand(weights, trained, side) for side in (first, second)}
    fixed = next((side for side, constancy in constancies.items() if constancy is None), None)
    if fixed is not None:
        kind = _kind_of_fixed(weights, fixed)
        return Stake(term=term.label, upstream=upstream, reached=reached, mechanisms=(_guaranteed(kind, term),))
    found = [constancy for constancy in constancies.values() if constancy is not None]
    target, online = (first, second)
    if weights.reached_by((first,)) and not weights.reached_by((second,)):
        target, online = second, first
    target_constancy, online_constancy = (constancies[side] for side in (target, online))
    assert target_constancy is not None
    assert online_constancy is not None
    is_stopped = not weights.reached_by((target,))
    has_predictor = bool(weights.reached_by((online,)) - weights.upstream_of((target,)))
    is_sure = term.estimator is not None and (Form.CONDITIONAL_ENTROPY, Spread.SURENESS) in term.estimator.spreads
    warmth = _temperature(online_constancy.steps) * _value(_argument(term, "temperature"), default=1.0)
    return Stake(
        term=term.label,
        modules=_NONE.union(*(constancy.modules for constancy in found)),
        is_pull=True,
        constant=(target.member,) if is_stopped or has_predictor else (target.member, online.member),
        online=(online.start,),
        prediction=Prediction(
            upstream=weights.upstream_of((target,)),
            online=weights.reached_by((online,)),
            stopped=is_stopped,
            momentum=_has_momentum(weights.graph, target.start),
            steps=target_constancy.steps,
            is_sharp=bool(target_constancy.modules_of(Spread.SHARPENING))
            and _temperature(target_constancy.steps) < warmth,
            is_sure=is_sure,
        ),
        upstream=upstream,
        reached=reached,
        mechanisms=_whitened(term, found),
        is_sure=is_sure,
    )


def _kind_of_fixed(weights: Weights, operand: Operand) -> MechanismKind:
    variable = weights.graph.variables[str(operand.member)]
    if variable.type == "label":
        return MechanismKind.LABELS
    if variable.kind in {VariableKind.DATA, VariableKind.VIEW} or not _passes_network(weights, operand.member):
        return MechanismKind.RECONSTRUCTION
    return MechanismKind.FIXED_TARGET


def _passes_network(weights: Weights, member: Member) -> bool:
    """Whether a network makes a variable, trained or not: a map without weights keeps what data are."""
    maker = weights.graph.maker(member)
    if maker is None or maker.kind is not ChannelKind.ENCODER:
        return False
    owner = weights.owner(maker.module)
    is_network = owner.gradient is Gradient.FROZEN or bool(weights.upstream(member))
    return is_network or any(_passes_network(weights, source) for source in maker.sources)


def _has_momentum(graph: InformationGraph, member: Member) -> bool:
    maker = graph.maker(member)
    if maker is None:
        return False
    is_momentum = graph.modules[maker.module].gradient is Gradient.MOMENTUM
    return is_momentum or any(_has_momentum(graph, source) for source in maker.sources)


def _is_drawn(graph: InformationGraph, member: Member) -> bool:
    """Whether noise of a stochastic encoder is in a variable, so that a constant law may have any spread."""
    maker = graph.maker(member)
    return maker is not None and maker.kind is ChannelKind.ENCODER and maker.stochastic


def _has_learned_prior(reading: Reading) -> bool:
    """Whether it compares with a prior that is trained, which can shrink to a constant as codes can."""
    prior = reading.instance.quantity.prior
    return prior is not None and is_learned_prior(prior.entry)


def _whitened(term: Term, found: Iterable[Constancy]) -> tuple[Mechanism, ...]:
    names = tuple(dict.fromkeys(name for constancy in found for name in constancy.modules_of(Spread.WHITENING)))
    return (_guaranteed(MechanismKind.WHITENING, term, names),) if names else ()


def _guaranteed(kind: MechanismKind, term: Term, where: tuple[str, ...] = ()) -> Mechanism:
    return Mechanism(kind=kind, strength=Strength.GUARANTEED, term=term.label, where=where)


def _spread(term: Term, reading: Reading) -> Spread | None:
    """How the estimator of a term spreads what it is asked for, its arguments allowing."""
    entry = term.estimator
    if not isinstance(entry, EstimatorEntry):
        return None
    if any(_value(_argument(term, name), default=1.0) == 0 for name in entry.spreads_by):
        return None
    return dict(entry.spreads).get(reading.instance.quantity.form)


def _argument(term: Term, name: str) -> ArgumentValue:
    return dict(term.call.arguments).get(name) if term.call is not None else None


def _value(value: ArgumentValue, *, default: float) -> float:
    """The largest that a number is in training."""
    match value:
        case Constant() | Scheduled() | Named() | Operation():
            return max(value_at(value, progress) for progress in _PROGRESS)
        case Learned(start):
            return start
        case _:
            return default


def _temperature(steps: Iterable[Step]) -> float:
    """The temperature of sharpenings in a row; of one without, a choice of one class, zero."""
    product = 1.0
    for step in steps:
        if step.spread is Spread.SHARPENING:
            arguments = dict(step.call.arguments)
            product *= _value(arguments["temperature"], default=1.0) if "temperature" in arguments else 0.0
    return product


def _operands(reading: Reading) -> tuple[Operand, ...]:
    return tuple(operand for group in (*reading.operands, reading.condition) for operand in group)


def _target(reading: Reading, decoder: Channel) -> Operand:
    return Operand(member=decoder.target, start=decoder.target, stopped=_is_stopped(reading, (decoder.target,)))


def _predicted(reading: Reading, decoder: Channel) -> Operand:
    """The prediction of the decoder that estimates a term."""
    stopped = _is_stopped(reading, decoder.sources)
    return Operand(member=decoder.target, channels=(decoder,), start=decoder.sources[0], stopped=stopped)


def _is_stopped(reading: Reading, members: Iterable[Member]) -> bool:
    quantity = reading.instance.quantity
    written = [v for group in (*quantity.groups, quantity.condition) for v in group if v.member in set(members)]
    return bool(written) and all(variable.stopped for variable in written)
