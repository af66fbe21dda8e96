"""What kind of method a spec is, derived from its graph and its objective (review, sections 3 and 4).

Source: Shwartz-Ziv and LeCun, Entropy 26(3):252, 2024: generative or joint embedding, contrastive or not, single or
multi view, supervision, what keeps it from collapse, and whether and how it compresses.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import Enum

from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import (
    Direction,
    LinearRelation,
    MarkovChain,
    Member,
    Method,
    Predicate,
    Quantity,
    Term,
    VariableKind,
)
from mvib.theory.canonical import CanonicalForm, Goal, GoalKind, canonical_form
from mvib.theory.collapse import CollapseArgument, MechanismKind, Strength, Verdict, find_collapse
from mvib.theory.collapse.stakes import is_live
from mvib.theory.roles import Roles


class Approach(Enum):
    """What a method learns from."""

    GENERATIVE = "generative"
    JOINT_EMBEDDING = "joint embedding"
    BOTH = "generative and joint embedding"
    LABELS_ONLY = "labels only"


class Views(Enum):
    """How many views of an example are encoded or told from a code."""

    SINGLE = "single view"
    MULTIPLE = "multi view"
    MODALITIES = "multi modal"


class Supervision(Enum):
    """What labels a method learns from."""

    SUPERVISED = "supervised"
    SEMI_SUPERVISED = "semi-supervised"
    SELF_SUPERVISED = "self-supervised"
    UNSUPERVISED = "unsupervised"


class Compression(Enum):
    """Whether a method pushes down what a code holds beyond what it is for."""

    EXPLICIT = "explicit"
    IMPLICIT = "implicit"
    NONE = "none"


@dataclass(frozen=True, slots=True, kw_only=True)
class Classification:
    """The kind of a method.

    Attributes:
        approach: generative, joint embedding, both, or learned from labels alone.
        contrastive: whether an estimator tells an example from others.
        views: single view, multi view or multi modal.
        supervision: from what labels it learns.
        collapse: what comes of a constant representation.
        against_collapse: what speaks against one, the strongest first; what does not suffice is left out.
        compression: explicit, implicit or none.
        compresses: the goals that do.
        assumptions: what it rests on, as the spec says it, each kind once.
    """

    approach: Approach
    contrastive: bool
    views: Views
    supervision: Supervision
    collapse: Verdict
    against_collapse: tuple[MechanismKind, ...]
    compression: Compression
    compresses: tuple[Goal, ...]
    assumptions: tuple[str, ...]


def classify(
    method: Method,
    graph: InformationGraph,
    readings: Mapping[str, tuple[Reading, ...]],
    argument: CollapseArgument | None = None,
    form: CanonicalForm | None = None,
) -> Classification:
    """The kind of a method.

    * Generative: a term asks for data, or for a part of them, given a code, by a conditional density or a distance.
      Joint embedding: a term relates codes to each other, or a code to its input without reconstructing it.
    * Contrastive: the estimator of a term tells an example from others.
    * Multi view: a term is about two inputs, or codes of two; multi modal: inputs that are different data.
    * Supervised: a term asks for a label; semi-supervised: one that not all examples have. Without labels,
      self-supervised: a term asks for one variable from another draw, part or corruption of the example;
      unsupervised: all is about one and the same.
    * Compression is explicit where a term lowers I(X; Z), I(X; Z | X'), or an entropy of a code. It is implicit where
      none does, but a term lowers what a code holds on the way to something else: H(Z1 | Z2), at least H(Z1 | X2),
      which for deterministic encoders is I(X1; Z1 | X2) (review, section 4); or the divergence of the codes from a
      prior, as in the unsupervised bottlenecks.

    Args:
        method: the method.
        graph: its graph.
        readings: the paths of its terms.
        argument: what holds it from collapse, found here by default.
        form: its canonical form, likewise.
    """
    argument = argument or find_collapse(method, graph, readings)
    form = form or canonical_form(method, graph, readings, argument)
    roles = Roles(graph)
    terms = [term for term in method.terms if is_live(term)]
    compression, compresses = _compression(roles, form)
    return Classification(
        approach=_approach(roles, terms, form),
        contrastive=any(term.estimator is not None and term.estimator.contrasts for term in terms),
        views=_views(roles, terms),
        supervision=_supervision(roles, terms),
        collapse=argument.verdict,
        against_collapse=_against(argument),
        compression=compression,
        compresses=compresses,
        assumptions=tuple(_assumed(method)),
    )


def _quantities(terms: Sequence[Term]) -> Iterator[tuple[Term, Quantity]]:
    for term in terms:
        for instance in term.instances:
            yield term, instance.quantity


def _members(quantity: Quantity) -> tuple[Member, ...]:
    return tuple(dict.fromkeys(quantity.members))


# ---- generative or joint embedding -----------------------------------------------------------------------------------


def _approach(roles: Roles, terms: Sequence[Term], form: CanonicalForm) -> Approach:
    is_generative = any(_reconstructs(roles, term, quantity) for term, quantity in _quantities(terms))
    is_joint = any(_embeds(roles, term, quantity) for term, quantity in _quantities(terms))
    is_joint = is_joint or not (is_generative or any("Y" in goal.pattern.roles for goal in form.goals))
    match is_generative, is_joint:
        case True, True:
            return Approach.BOTH
        case True, False:
            return Approach.GENERATIVE
        case False, True:
            return Approach.JOINT_EMBEDDING
        case _:
            return Approach.LABELS_ONLY


def _is_data(roles: Roles, member: Member) -> bool:
    return roles.is_given(member) and not roles.is_label(member)


def _reconstructs(roles: Roles, term: Term, quantity: Quantity) -> bool:
    """H(X | Z) is minimised, or I(Z; X) raised by a decoder of X."""
    if term.direction is Direction.MINIMIZE:
        predicted = [v.member for v in quantity.groups[0]]
        return quantity.functional == "H" and bool(quantity.condition) and any(_is_data(roles, m) for m in predicted)
    decoder = term.instances[0].decoder
    return decoder is not None and _is_data(roles, decoder.target)


def _embeds(roles: Roles, term: Term, quantity: Quantity) -> bool:
    """Codes are related to each other, or to an input that is not reconstructed; a label is not asked for."""
    if _reconstructs(roles, term, quantity) or _asks_label(roles, quantity):
        return False
    if term.direction is Direction.MAXIMIZE:
        return quantity.functional in {"I", "TC"}
    return quantity.functional == "H" and bool(quantity.condition) and _num_inputs(roles, quantity) > 1


def _num_inputs(roles: Roles, quantity: Quantity) -> int:
    return len(frozenset[Member]().union(*(roles.inputs(member) for member in _members(quantity))))


# ---- views and labels ------------------------------------------------------------------------------------------------


def _views(roles: Roles, terms: Sequence[Term]) -> Views:
    """Inputs of codes, views that a term is given, and data that are told from codes.

    What an input is drawn from is no view of its own, and neither is a part that is hidden and reconstructed.
    """
    variables = roles.graph.variables
    encoded = {
        source
        for _, quantity in _quantities(terms)
        for member in _members(quantity)
        if not roles.is_given(member)
        for source in roles.inputs(member)
        if not roles.is_label(source)
    }
    told = {
        member
        for _, quantity in _quantities(terms)
        for member in _members(quantity)
        if variables[str(member)].is_observed or member in {v.member for v in quantity.condition}
        if variables[str(member)].kind in {VariableKind.DATA, VariableKind.VIEW} and not roles.is_label(member)
        if not any(roles.graph.is_ancestor(member, other) for other in encoded)
    }
    inputs = encoded | told
    if len(inputs) < _SEVERAL:
        return Views.SINGLE
    if sum(variables[str(member)].kind is VariableKind.DATA for member in inputs) > 1:
        return Views.MODALITIES
    return Views.MULTIPLE


_SEVERAL = 2


def _asks_label(roles: Roles, quantity: Quantity) -> bool:
    """Whether a label is an argument of a quantity, or all that it is conditioned on."""
    if any(roles.is_label(v.member) for group in quantity.groups for v in group):
        return True
    return bool(quantity.condition) and all(roles.is_label(v.member) for v in quantity.condition)


def _supervision(roles: Roles, terms: Sequence[Term]) -> Supervision:
    labels = {
        member
        for _, quantity in _quantities(terms)
        if _asks_label(roles, quantity)
        for member in _members(quantity)
        if roles.is_label(member)
    }
    if labels:
        is_partial = any(roles.graph.variables[str(label)].partial for label in labels)
        return Supervision.SEMI_SUPERVISED if is_partial else Supervision.SUPERVISED
    for _, quantity in _quantities(terms):
        sources = {roles.inputs(member) for member in _members(quantity)}
        if len(sources) > 1:
            return Supervision.SELF_SUPERVISED
    return Supervision.UNSUPERVISED


# ---- collapse, compression, assumptions ------------------------------------------------------------------------------


def _against(argument: CollapseArgument) -> tuple[MechanismKind, ...]:
    order = tuple(Strength)
    sufficient = [m for m in argument.mechanisms if m.strength is not Strength.INSUFFICIENT]
    ranked = sorted(sufficient, key=lambda mechanism: order.index(mechanism.strength))
    return tuple(dict.fromkeys(mechanism.kind for mechanism in ranked))


def _compression(roles: Roles, form: CanonicalForm) -> tuple[Compression, tuple[Goal, ...]]:
    explicit = tuple(goal for goal in form.halves if goal.kind is GoalKind.COMPRESS and not _is_sureness(roles, goal))
    if explicit:
        return Compression.EXPLICIT, explicit
    implicit = tuple(
        goal
        for goal in form.halves
        if goal.kind is GoalKind.MATCH or (goal.kind is GoalKind.PREDICT and not _is_sureness(roles, goal))
    )
    return (Compression.IMPLICIT if implicit else Compression.NONE), implicit


def _is_sureness(roles: Roles, goal: Goal) -> bool:
    """H(L | R) of what is computed from R itself: a prediction that is to be sure, no bits that are saved."""
    shape = goal.shape
    if shape.functional != "H" or not shape.given:
        return False
    inputs, given = (
        frozenset[Member]().union(*(roles.inputs(member) for member in members))
        for members in (shape.groups[0], shape.given)
    )
    depths = [max(roles.depth(member) for member in members) for members in (shape.groups[0], shape.given)]
    return inputs <= given and depths[0] > depths[1]


def _assumed(method: Method) -> Iterator[str]:
    """Each predicate once with the families that it is about, each relation as written."""
    families: dict[str, list[str]] = {}
    for fact in method.assumptions:
        match fact:
            case Predicate(name=name, members=members):
                known = families.setdefault(name, [])
                known += dict.fromkeys(member.family for member in members if member.family not in known)
            case MarkovChain() | LinearRelation():
                families.setdefault(fact.text, [])
    for name, names in families.items():
        yield f"{name}({', '.join(names)})" if names else name
