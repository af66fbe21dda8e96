"""Whether a constant is an optimum: made constant, which terms are optimised, and which speak against it."""

from collections.abc import Iterator, Mapping, Sequence

from mvib.catalogue.signature import Spread
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Method
from mvib.theory.collapse.argument import Collapse, CollapseArgument, Mechanism, MechanismKind, Strength
from mvib.theory.collapse.constancy import constancy_of
from mvib.theory.collapse.stakes import Prediction, Stake, find_stake, is_live, reached_by_term
from mvib.theory.collapse.weights import Weights

_Found = tuple[MechanismKind, Strength, tuple[str, ...]]


def find_collapse(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> CollapseArgument:
    """The argument: for each term that predicts a learned variable, the constant that optimises it.

    The constant is given by the trained modules nearest to what is predicted, since these touch the fewest other terms.
    Every term whose value depends on them is asked in turn: one that a constant optimises as well joins, and its own
    modules are made constant with them; one that no constant optimises, and whose gradient reaches them, speaks
    against. Where none does, the objective is a sum of terms at their least and of others that are free: the constant
    is a global optimum (review, equation 7).

    Args:
        method: the method.
        graph: its graph.
        readings: the paths of its terms.
    """
    weights = Weights(graph)
    live = [(term, reading) for term in method.terms if is_live(term) for reading in readings.get(term.label, ())]
    trained: frozenset[str] = frozenset().union(*(reached_by_term(weights, reading) for _, reading in live))
    found = (find_stake(weights, trained, term, reading) for term, reading in live)
    stakes = list(dict.fromkeys(stake for stake in found if stake is not None))
    collapses: list[Collapse] = []
    grouped: set[Stake] = set()
    for stake in stakes:
        if stake.is_pull and stake not in grouped:
            group = _group(stake, stakes)
            grouped.update(group)
            collapses.append(_collapse(method, weights, group, stakes))
    spoken = [mechanism for stake in stakes for mechanism in stake.mechanisms]
    spoken += [mechanism for collapse in collapses for mechanism in collapse.mechanisms]
    return CollapseArgument(collapses=tuple(collapses), mechanisms=tuple(dict.fromkeys(spoken)))


def _group(seed: Stake, stakes: Sequence[Stake]) -> list[Stake]:
    """The terms that a constant optimises together with the first."""
    group, modules = [seed], seed.modules
    grown = True
    while grown:
        grown = False
        for stake in stakes:
            if stake.modules and stake not in group and stake.upstream & modules:
                group.append(stake)
                modules |= stake.modules
                grown = True
    return group


def _collapse(method: Method, weights: Weights, group: Sequence[Stake], stakes: Sequence[Stake]) -> Collapse:
    modules = frozenset[str]().union(*(stake.modules for stake in group))
    predictions = {stake: stake.prediction for stake in group if stake.prediction is not None}
    others = [stake for stake in stakes if not stake.modules and stake.reached & modules]
    own = {stake: _mechanisms(stake, predictions) for stake in group if stake.is_pull}
    mechanisms = [m for stake in (*group, *others) for m in stake.mechanisms]
    mechanisms += [m for found in own.values() for m in found]
    is_sure = any(stake.is_sure for stake in group)
    mechanisms += [
        Mechanism(
            kind=MechanismKind.EVENNESS,
            strength=Strength.GUARANTEED if is_sure else Strength.INSUFFICIENT,
            term=stake.term,
        )
        for stake in others
        if stake.evens
    ]
    held = {m.term for m in mechanisms if m.strength is Strength.GUARANTEED}
    return Collapse(
        modules=tuple(sorted(modules)),
        constant=tuple(sorted({member for stake in group for member in stake.constant})),
        online=tuple(sorted({member for stake in group for member in stake.online})),
        terms=tuple(dict.fromkeys(stake.term for stake in group if stake.term not in held)),
        mechanisms=tuple(dict.fromkeys(mechanisms)),
        asymmetric=all(any(m.strength is Strength.PRACTICE for m in found) for found in own.values()),
        simultaneous=all(stake.is_pull for stake in group),
        represented=_is_represented(method, weights, modules, stakes),
        predictors=tuple(sorted(frozenset[str]().union(*(_predictors(p, predictions) for p in predictions.values())))),
        stopped=all(prediction.stopped for prediction in predictions.values()),
    )


def _predictors(prediction: Prediction, predictions: Mapping[Stake, Prediction]) -> frozenset[str]:
    """Modules of the predicting side that make none of what is predicted."""
    return prediction.online.difference(*(other.upstream for other in predictions.values()))


def _mechanisms(stake: Stake, predictions: Mapping[Stake, Prediction]) -> tuple[Mechanism, ...]:
    """What in the way a learned variable is predicted speaks against a constant."""
    prediction = stake.prediction
    if prediction is None:
        return ()
    found = list(_balance(prediction))
    if prediction.stopped:
        # Gradients to both sides meet at the constant, whatever else stands between them.
        found += [*_centring(prediction), _asymmetry(prediction, tuple(sorted(_predictors(prediction, predictions))))]
    return tuple(
        Mechanism(kind=kind, strength=strength, term=stake.term, where=where) for kind, strength, where in found
    )


def _balance(prediction: Prediction) -> Iterator[_Found]:
    """Of scores that are all equal the balanced assignment is uniform.

    To predict it costs log K, no optimum of a cross-entropy; but a distance from it may be zero.
    """
    if names := _steps(prediction, Spread.BALANCE):
        strength = Strength.GUARANTEED if prediction.is_sure else Strength.INSUFFICIENT
        yield MechanismKind.BALANCE, strength, names


def _centring(prediction: Prediction) -> Iterator[_Found]:
    """Centring alone ends in uniform targets, sharpening alone in one class (Caron et al. 2021, section 5.3)."""
    centred = _steps(prediction, Spread.CENTRING)
    sharp = _steps(prediction, Spread.SHARPENING) if prediction.is_sharp else ()
    if centred and sharp:
        yield MechanismKind.CENTRING_AND_SHARPENING, Strength.PRACTICE, (*centred, *sharp)
    elif centred:
        yield MechanismKind.CENTRING, Strength.INSUFFICIENT, centred
    elif sharp:
        yield MechanismKind.SHARPENING, Strength.INSUFFICIENT, sharp


def _asymmetry(prediction: Prediction, predictors: tuple[str, ...]) -> _Found:
    """A target without gradient holds together with a predictor (Grill et al. 2020; Chen and He 2021)."""
    if predictors:
        momentum, stopped = MechanismKind.MOMENTUM_AND_PREDICTOR, MechanismKind.STOPPED_AND_PREDICTOR
        return momentum if prediction.momentum else stopped, Strength.PRACTICE, predictors
    momentum, stopped = MechanismKind.MOMENTUM_TARGET, MechanismKind.STOPPED_TARGET
    return momentum if prediction.momentum else stopped, Strength.INSUFFICIENT, ()


def _steps(prediction: Prediction, spread: Spread) -> tuple[str, ...]:
    return tuple(dict.fromkeys(step.module for step in prediction.steps if step.spread is spread))


def _is_represented(method: Method, weights: Weights, modules: frozenset[str], stakes: Sequence[Stake]) -> bool:
    """Whether what the method takes as its representation is constant too, or at least held by nothing else."""
    for member in method.represent:
        upstream = weights.upstream(member)
        if constancy_of(weights, modules, member) is not None:
            return True
        if not any(stake.mechanisms and not stake.modules and stake.reached & upstream for stake in stakes):
            return True
    return False
