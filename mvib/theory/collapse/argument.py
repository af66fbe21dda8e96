"""The argument as data: which terms a constant representation optimises, and what speaks against it."""

from dataclasses import dataclass
from enum import Enum

from mvib.semantics.method import Member


class MechanismKind(Enum):
    """What speaks against a constant representation; the value completes 'it is held by'."""

    INFORMATION = "an information that is zero for a constant"
    ENTROPY = "an entropy"
    EVENNESS = "the entropy of the mean prediction, with predictions that must be sure"
    WHITENING = "whitening"
    PRIOR = "a prior that no constant obeys"
    RECONSTRUCTION = "the reconstruction of data"
    LABELS = "labels"
    FIXED_TARGET = "the prediction of what nothing trains"
    BALANCE = "a balanced assignment"
    CENTRING_AND_SHARPENING = "centring together with sharpening"
    CENTRING = "centring"
    SHARPENING = "sharpening"
    MOMENTUM_TARGET = "a momentum target"
    STOPPED_TARGET = "a stopped gradient"
    MOMENTUM_AND_PREDICTOR = "a momentum target and a predictor"
    STOPPED_AND_PREDICTOR = "a stopped gradient and a predictor"


class Strength(Enum):
    """How far a mechanism goes."""

    GUARANTEED = "a constant is no optimum"
    PRACTICE = "training may rest at a constant, and is not seen to"
    INSUFFICIENT = "training may rest at a constant, and is known to"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mechanism:
    """Something that speaks against a constant representation.

    Attributes:
        kind: what it is.
        strength: how far it goes.
        term: the label of the term in which it is.
        where: names of the modules that are it, as `center`'s in the spec; empty where the term itself is.
    """

    kind: MechanismKind
    strength: Strength
    term: str
    where: tuple[str, ...] = ()


class Verdict(Enum):
    """What comes of a constant."""

    HELD = "a constant is no optimum"
    HELD_BY_ASYMMETRY = "held by asymmetry, no guarantee"
    INSUFFICIENT = "a constant is predicted perfectly, and what speaks against it is known not to suffice"
    COLLAPSES = "a constant is a global optimum, and nothing speaks against it"


@dataclass(frozen=True, slots=True, kw_only=True)
class Collapse:
    """One constant: modules that give the same for every example, and the terms that they touch.

    Attributes:
        modules: trained modules that are made constant.
        constant: learned variables that a term predicts or shrinks, and which are constant then.
        online: variables that a gradient reaches on the predicting side: what an entropy could be asked of.
        terms: labels of the terms that the constant optimises.
        mechanisms: what speaks against it.
        asymmetric: whether every prediction of a learned variable has a mechanism of its own that holds in practice.
        simultaneous: whether one and the same constant is seen to optimise all those terms; where the code is
            stochastic, a rate and a prediction may want constant laws of different spread.
        represented: whether the representation of the method is constant with it: False where other terms hold it.
        predictors: modules of the predicting side that the predicted side lacks.
        stopped: whether no gradient reaches what is predicted.
    """

    modules: tuple[str, ...]
    constant: tuple[Member, ...]
    online: tuple[Member, ...]
    terms: tuple[str, ...]
    mechanisms: tuple[Mechanism, ...]
    asymmetric: bool
    simultaneous: bool
    represented: bool
    predictors: tuple[str, ...]
    stopped: bool

    @property
    def verdict(self) -> Verdict:
        """What comes of it."""
        if any(mechanism.strength is Strength.GUARANTEED for mechanism in self.mechanisms):
            return Verdict.HELD
        if self.asymmetric:
            return Verdict.HELD_BY_ASYMMETRY
        return Verdict.INSUFFICIENT if self.mechanisms else Verdict.COLLAPSES


@dataclass(frozen=True, slots=True, kw_only=True)
class CollapseArgument:
    """What a constant representation does to a method.

    Attributes:
        collapses: the constants that some term which predicts a learned variable, or shrinks its entropy, pulls to.
        mechanisms: everything in the method that speaks against a constant, whether a term pulls to one or not.
    """

    collapses: tuple[Collapse, ...]
    mechanisms: tuple[Mechanism, ...]

    @property
    def verdict(self) -> Verdict:
        """The worst of the verdicts."""
        order = tuple(Verdict)
        return max((collapse.verdict for collapse in self.collapses), key=order.index, default=Verdict.HELD)
