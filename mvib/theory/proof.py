"""Proofs: a claim as a sum of measures that are zero or at least zero, in exact numbers, and its verification."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import Enum

from mvib.theory.expression import Expression, Rational, Variables, entropy, free_symbol, information, number
from mvib.theory.network import Network


class Reason(Enum):
    """Why a step holds."""

    SHANNON = "a measure of information is not negative"
    SEPARATION = "the graph separates"
    FUNCTION = "a function of its input has no entropy given it"
    INDEPENDENCE = "assumed, as an independence"
    ASSUMPTION = "assumed"
    SYMBOL = "a free symbol is not negative"
    POSITIVE = "a positive number"


@dataclass(frozen=True, slots=True)
class Assumption:
    """A relation that is taken to hold: an expression that is zero, or at least zero.

    Attributes:
        expression: the left side less the right.
        is_equality: whether it is zero.
        text: as the spec says it.
        independence: A, B and C where it is I(A; B | C) = 0.
    """

    expression: Expression
    is_equality: bool
    text: str
    independence: tuple[Variables, Variables, Variables] | None = None


@dataclass(frozen=True, slots=True)
class Measure:
    """I(A; B | C), or H(A | C) where B is empty."""

    first: Variables
    second: Variables
    given: Variables

    @property
    def expression(self) -> Expression:
        """As joint entropies."""
        if not self.second:
            return entropy(self.first, self.given)
        return information(self.first, self.second, self.given)


@dataclass(frozen=True, slots=True)
class Step:
    """A multiple of something that is zero or at least zero.

    Attributes:
        coefficient: at least zero, unless the thing is zero.
        reason: why it holds.
        measure: the information measure, None of assumed relations and symbols.
        assumption: place of the assumption, where it is one.
        symbol: the symbol, where it is one.
    """

    coefficient: Rational
    reason: Reason
    measure: Measure | None = None
    assumption: int = -1
    symbol: str = ""

    def expression(self, assumptions: Sequence[Assumption]) -> Expression:
        """Of the thing, without its coefficient."""
        if self.measure is not None:
            return self.measure.expression
        match self.reason:
            case Reason.ASSUMPTION:
                return assumptions[self.assumption].expression
            case Reason.SYMBOL:
                return free_symbol(self.symbol)
            case _:
                return number(1)


class InvalidProofError(Exception):
    """A certificate does not prove its claim."""


@dataclass(frozen=True, slots=True)
class Proof:
    """A certificate that an expression is at least zero.

    Attributes:
        claim: the expression.
        steps: whose sum, times their coefficients, is the claim.
        network: the graph.
        assumptions: what is assumed.
        functional: whether separation counts that some variables are functions of others.
        blocks: the variables that were looked at, in the order of the prover.
    """

    claim: Expression
    steps: tuple[Step, ...]
    network: Network
    assumptions: tuple[Assumption, ...]
    functional: bool
    blocks: tuple[Variables, ...] = ()

    @property
    def holds_for_any_variables(self) -> bool:
        """Whether it holds for continuous variables too (Chan 2003), where the quantities are finite.

        It does when no step takes an entropy for non-negative, none uses a function, and all expressions are balanced.
        """
        return not self.functional and self.claim.is_balanced and all(self._holds_for_any(step) for step in self.steps)

    def _holds_for_any(self, step: Step) -> bool:
        if step.measure is not None and not step.measure.second:
            return False
        return step.expression(self.assumptions).is_balanced

    def used_assumptions(self) -> tuple[Assumption, ...]:
        """The assumptions that the proof rests on, in their order."""
        used = {step.assumption for step in self.steps if step.assumption >= 0}
        return tuple(self.assumptions[k] for k in sorted(used))

    def verify(self) -> None:
        """Check the certificate in exact arithmetic, by what its steps say alone.

        Raises:
            InvalidProofError: the steps do not add up, or one of them does not hold.
        """
        total = Expression()
        for step in self.steps:
            total += step.expression(self.assumptions) * step.coefficient
            self._verify_step(step)
        if total != self.claim:
            raise InvalidProofError("the steps do not add up to the claim")

    def _verify_step(self, step: Step) -> None:
        may_be_negative = step.reason in {Reason.SEPARATION, Reason.FUNCTION, Reason.INDEPENDENCE} or (
            step.reason is Reason.ASSUMPTION and self.assumptions[step.assumption].is_equality
        )
        if step.coefficient < 0 and not may_be_negative:
            raise InvalidProofError(f"a negative multiple of an inequality: {step}")
        if not self._is_justified(step):
            raise InvalidProofError(f"a step that does not hold: {step}")

    def _is_justified(self, step: Step) -> bool:
        network, measure = self.network, step.measure
        if measure is None:
            return step.reason in {Reason.ASSUMPTION, Reason.SYMBOL, Reason.POSITIVE}
        match step.reason:
            case Reason.SHANNON:
                return True
            case Reason.FUNCTION:
                wanted = network.mask(measure.first)
                return not measure.second and wanted & ~network.closure(network.mask(measure.given)) == 0
            case Reason.SEPARATION if measure.second:
                given = network.mask(measure.given)
                given = network.closure(given) if self.functional else given
                first, second = (network.mask(side) & ~given for side in (measure.first, measure.second))
                return not first & second and (not first or not second or network.is_separated(first, second, given))
            case Reason.INDEPENDENCE if measure.second:
                return _is_part(measure, self.assumptions[step.assumption])
            case _:
                return False


def _is_part(measure: Measure, assumption: Assumption) -> bool:
    """Whether I(a; b | c) is a summand of I(A; B | C) by the chain rule: a in A, b in B, c from C to all of them."""
    if assumption.independence is None:
        return False
    first, second, given = assumption.independence
    inside = given <= measure.given <= first | second | given
    straight = measure.first <= first and measure.second <= second
    crossed = measure.first <= second and measure.second <= first
    return inside and (straight or crossed)
