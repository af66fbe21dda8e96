"""Two methods compared: what each has that the other lacks, and whether they optimise the same information."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property
from itertools import combinations, permutations

from mvib.catalogue.signature import DistributionEntry
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import (
    Channel,
    ChannelKind,
    Gradient,
    LinearRelation,
    MarkovChain,
    Member,
    Method,
    Predicate,
    VariableKind,
)
from mvib.theory.canonical import CanonicalForm, Goal, GoalKind, Shape, canonical_form
from mvib.theory.copying import can_be_zero
from mvib.theory.expression import Expression
from mvib.theory.proof import Assumption, Proof
from mvib.theory.prover import Problem, prove
from mvib.theory.relations import assumptions_of
from mvib.theory.roles import Casting, Pattern, Roles
from mvib.theory.variables import build_model

# One equality between a few variables takes milliseconds; what takes longer is not worth a comparison.
_SECONDS = 1.0
_MOST_PARTS = 2
# Between two variables equal quantities have one pattern already.
_LEAST = 2


class Sameness(Enum):
    """What two methods have in common; the value says it of A and B."""

    SAME = "the same objective by the same estimators"
    SAME_INFORMATION = "the same information by different estimators"
    EQUAL_BY_PROOF = "the same information, written in other quantities"
    FIRST_ADDS = "A optimises all that B does, and adds to it"
    SECOND_ADDS = "B optimises all that A does, and adds to it"
    DIFFERENT = "different information"
    NOT_COMPARABLE = "not comparable: different data"


_Judgement = tuple[Sameness, tuple["Rewritten", ...]]


class Addition(Enum):
    """What one method adds; the value is the noun."""

    INFORM = "information"
    SPREAD = "entropy"
    PREDICT = "prediction"
    COMPRESS = "compression"
    MATCH = "a prior"


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A method with what its comparisons need, found once.

    Attributes:
        name: of the method.
        method: the method.
        graph: its graph.
        form: the canonical form.
        data: types of the data that its terms learn from, labels left out.
    """

    name: str
    method: Method = field(repr=False)
    graph: InformationGraph = field(repr=False)
    form: CanonicalForm
    data: tuple[str, ...]

    @cached_property
    def problem(self) -> Problem:
        """What its graph and its assumptions say."""
        model = build_model(self.method, self.graph)
        return Problem(model.network, assumptions_of(self.method, model).assumptions)

    @cached_property
    def roles(self) -> Roles:
        """The roles of its variables."""
        return Roles(self.graph)


@dataclass(frozen=True, slots=True, kw_only=True)
class Level:
    """One level of a comparison.

    Attributes:
        name: graph, quantities, estimators or assumptions.
        shared: what both have.
        first: what only A has.
        second: what only B has.
    """

    name: str
    shared: tuple[str, ...]
    first: tuple[str, ...]
    second: tuple[str, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rewritten:
    """A quantity of one method as a sum of quantities of the other, proved on the graph of the first.

    Attributes:
        subject: name of the method on whose graph it is proved.
        goal: the quantity, of that method.
        parts: goals of the other method, and what they are between the variables of the first; each with its sign.
        holds_for_any_variables: whether it holds for continuous variables too.
        used_assumptions: of the method that the proofs rest on.
    """

    subject: str
    goal: Goal
    parts: tuple[tuple[int, Goal, Shape], ...]
    holds_for_any_variables: bool
    used_assumptions: tuple[Assumption, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """What two methods have in common and what not.

    Attributes:
        first: A.
        second: B.
        sameness: the verdict.
        levels: graph, quantities, estimators and assumptions.
        shared: pairs of goals that are one and the same.
        only_first: goals of A alone.
        only_second: goals of B alone.
        rewritings: equalities that were proved.
    """

    first: Subject
    second: Subject
    sameness: Sameness
    levels: tuple[Level, ...]
    shared: tuple[tuple[Goal, Goal], ...]
    only_first: tuple[Goal, ...]
    only_second: tuple[Goal, ...]
    rewritings: tuple[Rewritten, ...]

    @property
    def additions(self) -> tuple[Goal, ...]:
        """What is added, where one of them adds to the other."""
        covered = {goal.key for rewriting in self.rewritings for _, goal, _ in rewriting.parts}
        match self.sameness:
            case Sameness.FIRST_ADDS:
                return tuple(goal for goal in self.only_first if goal.key not in covered)
            case Sameness.SECOND_ADDS:
                return tuple(goal for goal in self.only_second if goal.key not in covered)
            case _:
                return ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Equality:
    """Two quantities were proved equal.

    Attributes:
        holds_for_any_variables: whether for continuous variables too.
        used_assumptions: places of the assumptions that the proofs rest on.
    """

    holds_for_any_variables: bool
    used_assumptions: tuple[int, ...]


# What was asked of the prover and what it said; graphs of one form are asked once.
Memory = dict[object, Equality | None]


def addition_of(goal: Goal) -> Addition:
    """What kind of thing a goal adds."""
    return Addition[goal.kind.name]


def build_subject(method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]) -> Subject:
    """What comparisons need of a method."""
    form = canonical_form(method, graph, readings)
    named = {str(member) for goal in form.halves for members in goal.casting.values() for member in members}
    data = sorted(
        variable.type
        for name, variable in graph.variables.items()
        if variable.is_observed
        and variable.type != "label"
        and any(name == other or graph.is_computed_from(name, other) for other in named)
    )
    return Subject(name=method.name, method=method, graph=graph, form=form, data=tuple(data))


def compare(first: Subject, second: Subject, memory: Memory | None = None) -> Difference:
    """Compare two methods at each level.

    Quantities are the same where they are between the same roles. Multipliers are not compared: those of surrogates
    have no common unit, and those of bounds are hyperparameters. Where quantities differ, the prover is asked whether
    each of A's is a sum of B's on A's graph, and B's of A's on B's; then both are the same up to the multipliers. Where
    one method's quantities are among the other's, or among the halves H(Z1) and H(Z1 | Z2) of an I(Z1; Z2), the other
    adds to it.

    Args:
        first: A.
        second: B.
        memory: what the prover said in earlier comparisons; it is added to.
    """
    memory = {} if memory is None else memory
    by_key = {goal.key: goal for goal in second.form.goals}
    shared = tuple((goal, by_key[goal.key]) for goal in first.form.goals if goal.key in by_key)
    known = {goal.key for goal, _ in shared}
    only_first = tuple(goal for goal in first.form.goals if goal.key not in known)
    only_second = tuple(goal for goal in second.form.goals if goal.key not in known)
    rewritings: tuple[Rewritten, ...] = ()
    if first.data != second.data:
        sameness = Sameness.NOT_COMPARABLE
    else:
        only_first, only_second = _beside_halves(first, second, only_first, only_second)
        sameness, rewritings = _judge(first, second, shared, only_first, only_second, memory)
    return Difference(
        first=first,
        second=second,
        sameness=sameness,
        levels=tuple(_levels(first, second, shared)),
        shared=shared,
        only_first=only_first,
        only_second=only_second,
        rewritings=rewritings,
    )


def _judge(
    first: Subject,
    second: Subject,
    shared: Sequence[tuple[Goal, Goal]],
    only_first: Sequence[Goal],
    only_second: Sequence[Goal],
    memory: Memory,
) -> _Judgement:
    if not only_first and not only_second:
        same = all(
            set(a.estimators) == set(b.estimators) and bool(a.without_gradient) == bool(b.without_gradient)
            for a, b in shared
        )
        return (Sameness.SAME if same else Sameness.SAME_INFORMATION), ()
    for subject, own, other, others, adds in (
        (first, only_first, second, only_second, Sameness.SECOND_ADDS),
        (second, only_second, first, only_first, Sameness.FIRST_ADDS),
    ):
        if not 0 < len(own) <= _MOST_PARTS or not 0 < len(others) <= _MOST_PARTS:
            continue
        rewritings = _rewritten(subject, own, other, memory)
        covered = {goal.key for rewriting in rewritings for _, goal, _ in rewriting.parts}
        inside = [goal for goal in others if goal.key in covered]
        if not rewritings or not _is_part(subject, own[0], inside, memory):
            continue
        return (Sameness.EQUAL_BY_PROOF if len(inside) == len(others) else adds), rewritings
    if not only_second:
        return Sameness.FIRST_ADDS, ()
    if not only_first:
        return Sameness.SECOND_ADDS, ()
    return Sameness.DIFFERENT, ()


def _beside_halves(
    first: Subject, second: Subject, only_first: tuple[Goal, ...], only_second: tuple[Goal, ...]
) -> tuple[tuple[Goal, ...], tuple[Goal, ...]]:
    """What is left of both where halves of the information of one are goals of the other."""
    halves_first = {half.key: half for half in _split(first, only_first)}
    halves_second = {half.key: half for half in _split(second, only_second)}
    shared = [half for key, half in halves_first.items() if key in halves_second]
    # A prediction is what is left of an information without its entropy; an entropy alone may be raised for much else.
    if all(half.kind is not GoalKind.PREDICT for half in shared):
        return only_first, only_second
    left = tuple(half for key, half in halves_first.items() if key not in halves_second)
    right = tuple(half for key, half in halves_second.items() if key not in halves_first)
    # Halves say it better only where they make one a part of the other.
    return (left, right) if not left or not right else (only_first, only_second)


def _split(subject: Subject, goals: Sequence[Goal]) -> Iterator[Goal]:
    """Goals with the information between codes as what it is made of: H(Z1) up and H(Z1 | Z2) down."""
    roles = subject.roles
    for goal in goals:
        is_between_codes = (
            goal.kind is GoalKind.INFORM
            and goal.shape.functional == "I"
            and not goal.shape.given
            and all(role.startswith("Z") for role in goal.pattern.roles)
        )
        if not is_between_codes:
            yield goal
            continue
        target, source = goal.shape.groups
        for kind, shape in (
            (GoalKind.SPREAD, Shape(functional="H", groups=(target,))),
            (GoalKind.PREDICT, Shape(functional="H", groups=(target,), given=source)),
        ):
            casting = roles.cast_groups(shape.functional, shape.groups, shape.given)
            yield _as(goal, kind, shape, casting)


def _as(goal: Goal, kind: GoalKind, shape: Shape, casting: Casting) -> Goal:
    return Goal(
        kind=kind,
        shape=shape,
        pattern=casting.pattern,
        casting=casting.variables,
        terms=goal.terms,
        estimators=goal.estimators,
        weight=goal.weight,
        path=goal.path,
        without_gradient=goal.without_gradient,
        num_instances=goal.num_instances,
    )


# ---- proofs ----------------------------------------------------------------------------------------------------------


def _rewritten(subject: Subject, goals: Sequence[Goal], other: Subject, memory: Memory) -> tuple[Rewritten, ...]:
    """Goals of a method as sums of goals of the other, on the graph of the first; none where one of them is no sum."""
    found = []
    for goal in goals:
        # For deterministic codes H(Z) is I(X; Z) only where both are quantised: an entropy that is raised stays one.
        is_entropy = goal.kind is GoalKind.SPREAD
        one = None if is_entropy else _rewrite(subject, goal, goal.shape, _variables(subject, goal), other.form, memory)
        if one is None:
            return ()
        found.append(one)
    return tuple(found)


def _is_part(subject: Subject, goal: Goal, others: Sequence[Goal], memory: Memory) -> bool:
    """Whether goals of another method are sums of those of the subject, between the variables of one of its goals."""
    variables = _variables(subject, goal)
    return all(
        any(
            _rewrite(subject, other, shape, variables, subject.form, memory)
            for shape in _between(other.pattern, variables)
        )
        for other in others
    )


def _rewrite(
    subject: Subject,
    goal: Goal,
    shape: Shape,
    variables: Mapping[str, tuple[Member, ...]],
    form: CanonicalForm,
    memory: Memory,
) -> Rewritten | None:
    """A goal between variables of the subject as a sum of goals of a form, proved on the graph of the subject."""
    expression = shape.expression
    if expression is None:
        return None
    sign = 1 if goal.is_raised else -1
    for parts in _sums(shape, variables, form, form.keys & subject.form.keys):
        total = Expression()
        for factor, _, part in parts:
            summand = part.expression
            assert summand is not None, "only combinations of entropies are asked for"
            total += summand * factor
        found = _prove_equal(expression * sign, total, subject.problem, memory)
        if found is not None:
            return Rewritten(
                subject=subject.name,
                goal=goal,
                parts=tuple((factor * sign, known, part) for factor, known, part in parts),
                holds_for_any_variables=found.holds_for_any_variables,
                used_assumptions=tuple(subject.problem.assumptions[k] for k in found.used_assumptions),
            )
    return None


def _prove_equal(left: Expression, right: Expression, problem: Problem, memory: Memory) -> Equality | None:
    """Whether two expressions are equal, by two proofs; of graphs of one form it is asked once."""
    key = _form_of(left - right, problem)
    if key not in memory:
        is_open = can_be_zero(left - right, problem)
        memory[key] = _prove_both(left - right, problem) if is_open else None
    return memory[key]


def _prove_both(difference: Expression, problem: Problem) -> Equality | None:
    proofs = []
    for claim in (difference, -difference):
        found = prove(claim, problem, seconds=_SECONDS)
        if not isinstance(found, Proof):
            return None
        proofs.append(found)
    return Equality(
        holds_for_any_variables=all(proof.holds_for_any_variables for proof in proofs),
        used_assumptions=tuple(sorted({step.assumption for proof in proofs for step in proof.steps} - {-1})),
    )


def _form_of(claim: Expression, problem: Problem) -> object:
    """Claim, assumptions and the graph above their variables, by places in the place of names."""
    network = problem.network
    expressions = [claim, *(assumption.expression for assumption in problem.assumptions)]
    above = network.ancestors(network.mask(frozenset[str]().union(*(e.variables for e in expressions))))
    names = [name for k, name in enumerate(network.names) if above >> k & 1]
    place = {name: k for k, name in enumerate(names)}
    return (
        tuple((tuple(place[parent] for parent in network.parents[name]), name in network.functions) for name in names),
        frozenset(place[name] for name in names if name in network.hidden),
        tuple(
            (
                frozenset((frozenset(place[name] for name in one), value) for one, value in e.entropies.items()),
                frozenset(e.symbols.items()),
                e.constant,
            )
            for e in expressions
        ),
        tuple(assumption.is_equality for assumption in problem.assumptions),
    )


_Part = tuple[int, Goal, Shape]


def _variables(subject: Subject, goal: Goal) -> Mapping[str, tuple[Member, ...]]:
    """The variables of a goal by their roles, the inputs of its codes, and the label."""
    shape = goal.shape
    variables = dict(subject.roles.cast_groups(shape.functional, shape.groups, shape.given).variables)
    for role, members in list(variables.items()):
        inputs = frozenset[Member]().union(*(subject.roles.inputs(member) for member in members))
        if role.startswith("Z") and role[1:].isdigit():
            variables.setdefault(f"X{role[1:]}", tuple(sorted(inputs)))
    labels = [v.member for v in subject.graph.variables.values() if v.type == "label"]
    if labels:
        variables.setdefault("Y", (labels[0],))
    return variables


def _sums(
    goal: Shape,
    variables: Mapping[str, tuple[Member, ...]],
    form: CanonicalForm,
    shared: frozenset[tuple[bool, Pattern]],
) -> Iterator[tuple[_Part, ...]]:
    """One or two goals of a form between some variables, with the signs they may have.

    What both methods raise or lower may have either sign: it changes a multiplier.
    """
    parts: list[_Part] = []
    for known in form.goals:
        natural = 1 if known.is_raised else -1
        for shape in _between(known.pattern, variables):
            signs = (natural, -natural) if known.key in shared else (natural,)
            parts += [(factor, known, shape) for factor in signs]
    for count in range(1, _MOST_PARTS + 1):
        for chosen in combinations(parts, count):
            names = frozenset[Member]().union(*(shape.members for _, _, shape in chosen))
            is_new = any(shape != goal for _, _, shape in chosen)
            is_whole = goal.members <= names or (count == 1 and names <= goal.members)
            if is_new and is_whole and len(names | goal.members) > _LEAST:
                yield chosen


def _between(pattern: Pattern, variables: Mapping[str, tuple[Member, ...]]) -> Iterator[Shape]:
    """A pattern between given variables, in each order of the inputs that they allow."""
    if pattern.functional == "D":
        return
    digits = sorted({letter for role in variables for letter in role if letter.isdigit()})
    needed = sorted({letter for role in pattern.roles for letter in role if letter.isdigit()})
    for order in permutations(digits, len(needed)):
        table = str.maketrans(dict(zip(needed, order, strict=True)))
        names = {role: role.translate(table) for role in pattern.roles}
        if not set(names.values()) <= set(variables):
            continue
        yield Shape(
            functional=pattern.functional,
            groups=tuple(_all(variables, (names[role] for role in group)) for group in pattern.groups),
            given=_all(variables, (names[role] for role in pattern.given)),
        )


def _all(variables: Mapping[str, tuple[Member, ...]], roles: Iterable[str]) -> tuple[Member, ...]:
    return tuple(dict.fromkeys(member for role in roles for member in variables[role]))


@dataclass(frozen=True, slots=True, kw_only=True)
class Bounding:
    """A quantity of one method is at most one of the other, proved on the graph of the first.

    Attributes:
        subject: name of the method on whose graph it is proved.
        lesser: the quantity that is at most the other, between its variables.
        greater: the other.
        holds_for_any_variables: whether for continuous variables too.
    """

    subject: str
    lesser: Shape
    greater: Shape
    holds_for_any_variables: bool


def find_bounds(difference: Difference) -> tuple[Bounding, ...]:
    """What of two methods of different information bounds what of the other: both raised, or both lowered."""
    found: list[Bounding] = []
    known: set[tuple[tuple[bool, Pattern], tuple[bool, Pattern]]] = set()
    for subject, own, others in (
        (difference.first, difference.only_first, difference.only_second),
        (difference.second, difference.only_second, difference.only_first),
    ):
        for goal in own:
            for other in others:
                pair = (min(goal.key, other.key), max(goal.key, other.key))
                expression = goal.shape.expression
                if expression is None or goal.is_raised != other.is_raised or pair in known:
                    continue
                for shape in _between(other.pattern, _variables(subject, goal)):
                    bounding = _bounding(subject, goal.shape, shape)
                    if bounding is not None:
                        known.add(pair)
                        found.append(bounding)
                        break
    return tuple(found)


def _bounding(subject: Subject, one: Shape, other: Shape) -> Bounding | None:
    for lesser, greater in ((one, other), (other, one)):
        low, high = lesser.expression, greater.expression
        assert low is not None, "only combinations of entropies are asked for"
        assert high is not None, "only combinations of entropies are asked for"
        proof = prove(high - low, subject.problem, seconds=_SECONDS)
        # An entropy that is at most another for discrete variables alone says nothing of densities.
        if isinstance(proof, Proof) and proof.holds_for_any_variables:
            return Bounding(subject=subject.name, lesser=lesser, greater=greater, holds_for_any_variables=True)
    return None


# ---- levels ----------------------------------------------------------------------------------------------------------


def _levels(first: Subject, second: Subject, shared: Sequence[tuple[Goal, Goal]]) -> Iterator[Level]:
    yield _level("graph", _graph_facts(first), _graph_facts(second))
    yield _level("quantities", _quantities(first), _quantities(second))
    yield _level("estimators", _estimators(first), _estimators(second))
    yield _level("assumptions", _assumed(first), _assumed(second))


def _level(name: str, first: Sequence[str], second: Sequence[str]) -> Level:
    return Level(
        name=name,
        shared=tuple(fact for fact in first if fact in second),
        first=tuple(fact for fact in first if fact not in second),
        second=tuple(fact for fact in second if fact not in first),
    )


def _quantities(subject: Subject) -> tuple[str, ...]:
    return tuple(f"{goal.kind.value} {goal.pattern}" for goal in subject.form.goals)


def _estimators(subject: Subject) -> tuple[str, ...]:
    return tuple(
        f"{goal.pattern} by {' and '.join(goal.estimators)}"
        + (", target without gradient" * bool(goal.without_gradient))
        for goal in subject.form.goals
    )


def _graph_facts(subject: Subject) -> tuple[str, ...]:
    """Data, views, encoders, decoders and copies as facts that do not depend on names."""
    found: list[str] = []
    method, graph = subject.method, subject.graph
    for family in method.variables.values():
        if family.kind is VariableKind.DATA:
            found.append(f"data: {family.type}{' for some examples' if family.partial else ''}")
    for channels in _by_family(method, graph):
        module = method.modules[channels[0].module]
        targets = len({channel.target for channel in channels})
        if module.kind is ChannelKind.VIEW:
            call = module.call
            # One name for all draws of a channel, whatever it is told.
            kind = call.name if call is not None else module.family
            found.append(f"{targets} view{'s' if targets > 1 else ''} by {kind}")
        elif module.gradient is Gradient.MOMENTUM:
            found.append("momentum copy of an encoder")
        elif module.kind is ChannelKind.DECODER:
            entry = module.call.entry if module.call is not None else None
            law = f" ({entry.name})" if isinstance(entry, DistributionEntry) else ""
            found.append(f"decoder of {_kind_of(subject, channels[0])}{law}")
        elif module.stochastic:
            entry = module.call.entry if module.call is not None else None
            found.append(f"stochastic encoder{f' ({entry.name})' if isinstance(entry, DistributionEntry) else ''}")
        else:
            found.append(f"encoder{' (frozen)' if module.gradient is Gradient.FROZEN else ''}")
    counts = {fact: found.count(fact) for fact in found}
    return tuple(f"{fact}, {count} times" if count > 1 else fact for fact, count in counts.items())


def _by_family(method: Method, graph: InformationGraph) -> Iterator[tuple[Channel, ...]]:
    families: dict[str, list[Channel]] = {}
    for channel in graph.channels:
        module = method.modules[channel.module]
        key = module.family
        if module.kind is ChannelKind.VIEW:
            # Draws of one statement stand apart; those of one channel from one kind of source are told together.
            key = f"view {module.call.name if module.call is not None else module.family}"
        families.setdefault(key, []).append(channel)
    yield from (tuple(channels) for channels in families.values())


def _kind_of(subject: Subject, channel: Channel) -> str:
    variable = subject.graph.variables[str(channel.target)]
    if variable.type == "label":
        return "a label"
    return "data" if subject.roles.is_given(channel.target) else "a code"


def _assumed(subject: Subject) -> tuple[str, ...]:
    """Assumptions in terms of roles, each kind once."""
    found = []
    for fact in subject.method.assumptions:
        match fact:
            case Predicate(name=name, members=members):
                found.append(f"{name}({', '.join(dict.fromkeys(_short(subject, m) for m in members))})")
            case MarkovChain() | LinearRelation():
                found.append(fact.text)
    return tuple(dict.fromkeys(found))


def _short(subject: Subject, member: Member) -> str:
    """`Z` for a code, `X` for an input, `Y` for a label."""
    if subject.roles.is_label(member):
        return "Y"
    return "X" if subject.roles.is_given(member) else "Z"
