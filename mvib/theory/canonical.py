"""The objective in the review's canonical form: what is maximised, what is compressed, along which path.

Source: Shwartz-Ziv and LeCun, Entropy 26(3):252, 2024, equations 1 to 9.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import Enum

from mvib.catalogue.signature import DistributionEntry
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import Direction, Member, Method, Quantity, Term
from mvib.semantics.values import Constant, Scalar
from mvib.theory.collapse import CollapseArgument, MechanismKind, Strength, find_collapse
from mvib.theory.collapse.stakes import is_live
from mvib.theory.expression import Expression
from mvib.theory.roles import Casting, Pattern, Roles, expression_of


class GoalKind(Enum):
    """What is done to a quantity; the value is the verb."""

    INFORM = "maximise"
    SPREAD = "keep up"
    PREDICT = "predict"
    COMPRESS = "compress"
    MATCH = "match"


class Rewriting(Enum):
    """Why a goal may stand for its terms; the value says it of the entropy of what is predicted."""

    NONE = ""
    GIVEN = "the entropy of what is given is a constant (review, equation 8)"
    RAISED = "an entropy term and a predictive one are an information (review, equation 7)"
    WHITENED = "whitening holds the entropy (review, equation 7)"
    BALANCED = "a balanced assignment holds the entropy (review, equation 7)"
    MATCHED = "the prior holds the entropy (review, equation 7)"


# How a term of a method may fix the entropy of what it predicts.
_HOLDING = {
    MechanismKind.WHITENING: Rewriting.WHITENED,
    MechanismKind.BALANCE: Rewriting.BALANCED,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Shape:
    """A quantity between variables of the spec.

    Attributes:
        functional: `H`, `I`, `TC` or `D`.
        groups: its arguments.
        given: its condition.
        prior: name of the prior of a `D`.
    """

    functional: str
    groups: tuple[tuple[Member, ...], ...]
    given: tuple[Member, ...] = ()
    prior: str = ""

    @property
    def expression(self) -> Expression | None:
        """As joint entropies; None for a divergence from a prior."""
        groups = [tuple(map(str, group)) for group in self.groups]
        return expression_of(self.functional, groups, tuple(map(str, self.given)))

    @property
    def members(self) -> frozenset[Member]:
        """All variables."""
        return frozenset(self.given).union(*self.groups)

    def __str__(self) -> str:
        inside = "; ".join(", ".join(map(str, group)) for group in self.groups)
        inside += f" | {', '.join(map(str, self.given))}" if self.given else ""
        inside += f" || {self.prior}" if self.prior else ""
        return f"{self.functional}({inside})"


@dataclass(frozen=True, slots=True, kw_only=True)
class Goal:
    """One part of the canonical objective: a quantity that is pushed up or down.

    Attributes:
        kind: what is done to it.
        shape: the quantity, between the variables of its first instance.
        pattern: the quantity between roles.
        casting: the variables of all instances that play the roles.
        terms: labels of the terms it is made from, that of the entropy first.
        estimators: how they are computed: the name of the estimator, or `decoder` and its distribution.
        weight: its multiplier; 1 where several terms are one information, whose multipliers are not comparable.
        path: modules on its path from the data on.
        rewriting: why it may stand for its terms.
        without_gradient: variables into which no gradient goes, though training changes them.
        num_instances: how many quantities of the spec have this pattern.
    """

    kind: GoalKind
    shape: Shape
    pattern: Pattern
    casting: Mapping[str, tuple[Member, ...]] = field(repr=False)
    terms: tuple[str, ...]
    estimators: tuple[str, ...]
    weight: Scalar
    path: tuple[str, ...]
    rewriting: Rewriting = Rewriting.NONE
    without_gradient: tuple[Member, ...] = ()
    num_instances: int = 1

    @property
    def is_raised(self) -> bool:
        """Whether the quantity is pushed up."""
        return self.kind in {GoalKind.INFORM, GoalKind.SPREAD}

    @property
    def key(self) -> tuple[bool, Pattern]:
        """What it has in common with the goals of other methods."""
        return self.is_raised, self.pattern


@dataclass(frozen=True, slots=True, kw_only=True)
class CanonicalForm:
    """What a method maximises and compresses.

    Attributes:
        goals: the parts, each quantity once; what is maximised stands first.
        halves: what they come from before entropies and predictions were put together.
    """

    goals: tuple[Goal, ...]
    halves: tuple[Goal, ...] = field(repr=False)

    @property
    def keys(self) -> frozenset[tuple[bool, Pattern]]:
        """The normal form: which quantities go up and which down, between roles."""
        return frozenset(goal.key for goal in self.goals)


def canonical_form(
    method: Method,
    graph: InformationGraph,
    readings: Mapping[str, tuple[Reading, ...]],
    argument: CollapseArgument | None = None,
) -> CanonicalForm:
    """The objective in canonical form.

    Terms whose weight is always zero are left out. H(A | B) with an A that nothing trains is H(A) - I(A; B), and H(A)
    is a constant: it is minimised where I(A; B) is maximised (equation 8). An H(A | B) of a learned A is half of an
    information: where another term raises H(A), or something in the method holds it, both are I(A; B) (equation 7);
    where not, it stays a prediction. A momentum copy plays the role of what it copies. An information that is raised
    along one path and lowered along another, as in a VAE, stays both.

    Args:
        method: the method.
        graph: its graph.
        readings: the paths of its terms.
        argument: what holds it from collapse, found here by default.
    """
    argument = argument or find_collapse(method, graph, readings)
    roles = Roles(graph)
    halves = _unique(
        goal
        for term in method.terms
        if is_live(term)
        for goal in _goals_of(method, roles, term, readings.get(term.label, ()))
    )
    return CanonicalForm(goals=_paired(roles, halves, argument), halves=halves)


# ---- the goals of terms ----------------------------------------------------------------------------------------------


def _goals_of(method: Method, roles: Roles, term: Term, readings: Sequence[Reading]) -> Iterable[Goal]:
    for reading in readings:
        quantity = reading.instance.quantity
        shape = Shape(
            functional=quantity.functional,
            groups=tuple(tuple(v.member for v in group) for group in quantity.groups),
            given=tuple(v.member for v in quantity.condition),
            prior=quantity.prior.name if quantity.prior is not None else "",
        )
        kind, shape, rewriting = _read(roles, term.direction, shape)
        casting = _cast(roles, shape)
        yield Goal(
            kind=kind,
            shape=shape,
            pattern=casting.pattern,
            casting=casting.variables,
            terms=(term.label,),
            estimators=(_estimator(method, term),),
            weight=term.weight,
            path=tuple(dict.fromkeys(method.modules[channel.module].family for channel in reading.path)),
            rewriting=rewriting,
            without_gradient=_without_gradient(roles, quantity),
        )


def _read(roles: Roles, direction: Direction, shape: Shape) -> tuple[GoalKind, Shape, Rewriting]:
    if direction is Direction.MAXIMIZE:
        return (GoalKind.SPREAD if shape.functional == "H" else GoalKind.INFORM), shape, Rewriting.NONE
    if shape.functional == "D":
        return GoalKind.MATCH, shape, Rewriting.NONE
    if shape.functional != "H" or not shape.given:
        return GoalKind.COMPRESS, shape, Rewriting.NONE
    first = shape.groups[0]
    if all(roles.is_constant(member) for member in first):
        return GoalKind.INFORM, Shape(functional="I", groups=(shape.given, first)), Rewriting.GIVEN
    # H(Z1 | X2) is what a code has beside the view, H(Z1 | Z2) a prediction of it.
    is_rest = all(roles.is_given(member) for member in shape.given)
    return (GoalKind.COMPRESS if is_rest else GoalKind.PREDICT), shape, Rewriting.NONE


def _estimator(method: Method, term: Term) -> str:
    if term.estimator is not None:
        return term.estimator.name
    decoder = term.instances[0].decoder
    module = method.modules[decoder.module] if decoder is not None else None
    entry = module.call.entry if module is not None and module.call is not None else None
    return f"decoder {entry.name}" if isinstance(entry, DistributionEntry) else "decoder"


def _without_gradient(roles: Roles, quantity: Quantity) -> tuple[Member, ...]:
    stopped = {v.member for group in (*quantity.groups, quantity.condition) for v in group if v.stopped}
    return tuple(
        member
        for member in dict.fromkeys(quantity.members)
        if not roles.is_constant(member) and (member in stopped or not roles.has_gradient(member))
    )


def _cast(roles: Roles, shape: Shape) -> Casting:
    return roles.cast_groups(shape.functional, shape.groups, shape.given, shape.prior)


def _unique(goals: Iterable[Goal]) -> tuple[Goal, ...]:
    """Goals with the same pattern as one, in their order."""
    found: dict[tuple[GoalKind, Pattern], Goal] = {}
    for goal in goals:
        key = (goal.kind, goal.pattern)
        if key not in found:
            found[key] = goal
            continue
        known = found[key]
        casting = {role: tuple(dict.fromkeys((*known.casting[role], *goal.casting[role]))) for role in known.casting}
        found[key] = replace(
            known,
            casting=casting,
            terms=tuple(dict.fromkeys((*known.terms, *goal.terms))),
            estimators=tuple(dict.fromkeys((*known.estimators, *goal.estimators))),
            weight=known.weight if known.terms == goal.terms else Constant(1),
            without_gradient=tuple(dict.fromkeys((*known.without_gradient, *goal.without_gradient))),
            num_instances=known.num_instances + goal.num_instances,
        )
    return tuple(found.values())


# ---- equation 7 ------------------------------------------------------------------------------------------------------


def _paired(roles: Roles, halves: Sequence[Goal], argument: CollapseArgument) -> tuple[Goal, ...]:
    """Entropies that are held or raised, put together with what is taken off them."""
    used: set[Pattern] = set()
    found: list[Goal] = []
    for goal in halves:
        rest = goal.shape
        if goal.kind not in {GoalKind.PREDICT, GoalKind.COMPRESS} or rest.functional != "H" or not rest.given:
            found.append(goal)
            continue
        entropy = roles.cast_groups("H", rest.groups).pattern
        rewriting, others = _holds(roles, goal, entropy, halves, argument)
        if rewriting is Rewriting.NONE:
            found.append(goal)
            continue
        used |= {other.pattern for other in others}
        together = Shape(functional="I", groups=(rest.groups[0], rest.given))
        casting = _cast(roles, together)
        found.append(
            replace(
                goal,
                kind=GoalKind.INFORM,
                shape=together,
                pattern=casting.pattern,
                casting=casting.variables,
                terms=tuple(label for part in (*others, goal) for label in part.terms),
                estimators=tuple(name for part in (*others, goal) for name in part.estimators),
                weight=goal.weight if not others else Constant(1),
                rewriting=rewriting,
            )
        )
    kept = [goal for goal in found if goal.kind not in {GoalKind.SPREAD, GoalKind.MATCH} or goal.pattern not in used]
    order = list(GoalKind)
    return _unique(sorted(kept, key=lambda goal: order.index(goal.kind)))


def _holds(
    roles: Roles, goal: Goal, entropy: Pattern, halves: Sequence[Goal], argument: CollapseArgument
) -> tuple[Rewriting, tuple[Goal, ...]]:
    """What keeps the entropy up from which a conditional one is taken."""
    wanted = _num_inputs(roles, goal.shape.groups[0])
    raised = tuple(
        other
        for other in halves
        if other.kind is GoalKind.SPREAD
        and other.pattern == entropy
        # The mean of many codes is not spread by the spread of each.
        and wanted in _nums_inputs(roles, other)
    )
    if raised:
        return Rewriting.RAISED, raised
    for mechanism in argument.mechanisms:
        if (
            mechanism.term in goal.terms
            and mechanism.kind in _HOLDING
            and mechanism.strength is Strength.GUARANTEED
            and goal.kind is GoalKind.PREDICT
        ):
            return _HOLDING[mechanism.kind], ()
    held = {m.term for m in argument.mechanisms if m.kind is MechanismKind.PRIOR and m.strength is Strength.GUARANTEED}
    matched = tuple(
        other
        for other in halves
        if other.kind is GoalKind.MATCH
        and Pattern("H", other.pattern.groups) == entropy
        and held & set(other.terms)
        and wanted in _nums_inputs(roles, other)
    )
    return (Rewriting.MATCHED, matched) if matched else (Rewriting.NONE, ())


def _nums_inputs(roles: Roles, goal: Goal) -> frozenset[int]:
    """The numbers of inputs of the variables that a goal about one variable is about, over its instances."""
    alone = {_num_inputs(roles, [member]) for members in goal.casting.values() for member in members}
    return frozenset({_num_inputs(roles, goal.shape.groups[0]), *alone})


def _num_inputs(roles: Roles, members: Sequence[Member]) -> int:
    return len(frozenset[Member]().union(*(roles.inputs(member) for member in members)))
