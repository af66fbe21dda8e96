"""The canonical form and the kind of a method as formulas and words."""

from collections.abc import Sequence
from dataclasses import dataclass

from mvib.render.formula import member_formula, module_formula, scalar_formula
from mvib.render.markup import Formula, joined, lowered, operator, sign, symbol, word
from mvib.semantics.method import Member
from mvib.semantics.values import Constant, Operation, Scalar
from mvib.theory.canonical import CanonicalForm, Goal, GoalKind, Rewriting, Shape
from mvib.theory.classification import Classification
from mvib.theory.collapse import MechanismKind, Verdict

_WORDS = {
    MechanismKind.INFORMATION: "information",
    MechanismKind.ENTROPY: "entropy",
    MechanismKind.EVENNESS: "even, sure predictions",
    MechanismKind.WHITENING: "whitening",
    MechanismKind.PRIOR: "prior",
    MechanismKind.RECONSTRUCTION: "reconstruction",
    MechanismKind.LABELS: "labels",
    MechanismKind.FIXED_TARGET: "fixed target",
    MechanismKind.BALANCE: "balance",
    MechanismKind.CENTRING_AND_SHARPENING: "centring, sharpening",
    MechanismKind.CENTRING: "centring",
    MechanismKind.SHARPENING: "sharpening",
    MechanismKind.MOMENTUM_TARGET: "momentum",
    MechanismKind.STOPPED_TARGET: "stop-gradient",
    MechanismKind.MOMENTUM_AND_PREDICTOR: "momentum, predictor",
    MechanismKind.STOPPED_AND_PREDICTOR: "stop-gradient, predictor",
}


@dataclass(frozen=True, slots=True, kw_only=True)
class GoalLine:
    """A part of the canonical form.

    Attributes:
        kind: what is done to the quantity: `maximise`, `compress`, ...
        formula: its multiplier and the quantity.
        path: modules on its path.
        terms: labels of the terms it is made from.
        why: why it may stand for them, empty where it is a term.
        without_gradient: variables into which no gradient goes.
    """

    kind: str
    formula: Formula
    path: str
    terms: tuple[str, ...]
    why: str
    without_gradient: tuple[Formula, ...]


def shape_formula(shape: Shape, mark: str = "") -> Formula:
    """A quantity between variables of the spec.

    Args:
        shape: the quantity.
        mark: its subscript, the last module of its path.
    """
    inside = joined((_group(group) for group in shape.groups), ";")
    given = (*sign("|"), *_group(shape.given)) if shape.given else ()
    prior = (*sign("||"), *word(shape.prior)) if shape.prior else ()
    subscript = lowered(module_formula(mark)) if mark else ()
    return (*symbol(shape.functional), *subscript, *sign("("), *inside, *given, *prior, *sign(")"))


def _group(members: Sequence[Member]) -> Formula:
    return joined((member_formula(member) for member in members), ",")


def canonical_formula(form: CanonicalForm) -> Formula:
    """`max I(Z₁; Z₂) - beta I(X₁; Z₁ | X₂)`; `min` where nothing is raised."""
    up = [goal_formula(form, goal) for goal in form.goals if goal.is_raised]
    down = [goal_formula(form, goal) for goal in form.goals if not goal.is_raised]
    if not up:
        return (*operator("min"), *sign(" "), *joined(down, "+"))
    result = [*operator("max"), *sign(" "), *joined(up, "+")]
    for formula in down:
        result += (*sign("-"), *formula)
    return tuple(result)


def goal_formula(form: CanonicalForm, goal: Goal) -> Formula:
    """The quantity of a goal with its multiplier; with its path where it goes up along one and down along another."""
    is_twofold = (not goal.is_raised, goal.pattern) in form.keys
    mark = goal.path[-1] if is_twofold and goal.path else ""
    return (*_weight(goal.weight), *shape_formula(goal.shape, mark))


def _weight(weight: Scalar) -> Formula:
    if weight == Constant(1):
        return ()
    is_sum = isinstance(weight, Operation) and weight.operator in "+-"
    inner = scalar_formula(weight)
    return (*((*sign("("), *inner, *sign(")")) if is_sum else inner), *sign("factor"))


def goal_line(form: CanonicalForm, goal: Goal) -> GoalLine:
    """A goal for a table."""
    return GoalLine(
        kind=goal.kind.value,
        formula=goal_formula(form, goal),
        path=", ".join(goal.path),
        terms=goal.terms,
        why=_why(goal),
        without_gradient=tuple(member_formula(member) for member in goal.without_gradient),
    )


def _why(goal: Goal) -> str:
    if goal.kind is GoalKind.PREDICT:
        return "half of an information; no term raises the entropy of what is predicted (review, equation 7)"
    return goal.rewriting.value if goal.rewriting is not Rewriting.NONE else ""


def against_collapse(classification: Classification) -> str:
    """What keeps a representation from being constant, in a few words."""
    words = ", ".join(_WORDS[kind] for kind in classification.against_collapse)
    if classification.collapse is Verdict.HELD:
        return words
    if classification.collapse is Verdict.HELD_BY_ASYMMETRY:
        return f"{words} (no guarantee)"
    return "nothing" if classification.collapse is Verdict.COLLAPSES else f"{words or 'little'} (not enough)"


def kind_words(classification: Classification) -> str:
    """`joint embedding, contrastive, multi view, self-supervised`."""
    parts = [
        classification.approach.value,
        "contrastive" if classification.contrastive else "not contrastive",
        classification.views.value,
        classification.supervision.value,
    ]
    return ", ".join(parts)


def compression_words(classification: Classification) -> str:
    """`explicit: I(X[1]; Z[1] | X[2])`."""
    shapes = ", ".join(str(goal.shape) for goal in classification.compresses)
    return f"{classification.compression.value}: {shapes}" if shapes else classification.compression.value
