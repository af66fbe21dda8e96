"""A certificate as a derivation: elemental steps joined by the chain rule, and pairs of them as data processing."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import Enum

from mvib.theory.expression import Rational
from mvib.theory.proof import Measure, Proof, Reason, Step


class Kind(Enum):
    """What a line of a derivation is."""

    DATA_PROCESSING = "data processing"
    NOT_NEGATIVE = "not negative"
    SEPARATED = "separated by the graph"
    INDEPENDENT = "independent by assumption"
    FUNCTION = "a function"
    ASSUMED = "assumed"
    SYMBOL = "a symbol that is not negative"
    NUMBER = "a number that is not negative"


@dataclass(frozen=True, slots=True, kw_only=True)
class Line:
    """One line: a fact, and how many times it counts.

    Attributes:
        kind: what it is.
        multiplier: how many times it counts in the sum.
        measure: what is zero or at least zero; of data processing I(A; B | C, D).
        zero: of data processing I(A; C | B, D), which is zero.
        larger: of data processing I(A; B | D), which is at least `smaller`.
        smaller: of data processing I(A; C | D).
        reason: of a zero, whether the graph or an assumption makes it so.
        assumption: place of the assumption, -1 where there is none.
        symbol: the symbol, empty where there is none.
    """

    kind: Kind
    multiplier: Rational
    measure: Measure | None = None
    zero: Measure | None = None
    larger: Measure | None = None
    smaller: Measure | None = None
    reason: Reason = Reason.SHANNON
    assumption: int = -1
    symbol: str = ""


_KINDS = {
    Reason.SHANNON: Kind.NOT_NEGATIVE,
    Reason.SEPARATION: Kind.SEPARATED,
    Reason.INDEPENDENCE: Kind.INDEPENDENT,
    Reason.FUNCTION: Kind.FUNCTION,
    Reason.ASSUMPTION: Kind.ASSUMED,
    Reason.SYMBOL: Kind.SYMBOL,
    Reason.POSITIVE: Kind.NUMBER,
}


def derive(proof: Proof) -> tuple[Line, ...]:
    """The lines whose sum, each as many times as it says, is the claim: zeros first, then what is at least zero.

    Args:
        proof: a certificate; the lines use the same facts, fewer and larger ones.
    """
    steps = _chained(proof.steps)
    lines: list[Line] = []
    used: set[int] = set()
    for k, step in enumerate(steps):
        if step.reason not in {Reason.SEPARATION, Reason.INDEPENDENCE} or step.coefficient >= 0:
            continue
        for other, partner in enumerate(steps):
            if other in used or partner.reason is not Reason.SHANNON or partner.coefficient != -step.coefficient:
                continue
            line = _data_processing(step, partner)
            if line is not None:
                lines.append(line)
                used |= {k, other}
                break
    lines += [
        Line(
            kind=_KINDS[step.reason],
            multiplier=step.coefficient,
            measure=step.measure,
            reason=step.reason,
            assumption=step.assumption,
            symbol=step.symbol,
        )
        for k, step in enumerate(steps)
        if k not in used
    ]
    order = list(Kind)
    first = {Kind.ASSUMED: -3, Kind.SEPARATED: -2, Kind.INDEPENDENT: -2, Kind.FUNCTION: -1}
    return tuple(sorted(lines, key=lambda line: first.get(line.kind, order.index(line.kind))))


def _chained(steps: Sequence[Step]) -> list[Step]:
    """Steps joined by the chain rule, I(A; B | C) + I(A; D | B, C) = I(A; B, D | C), as long as any can be."""
    joined = list(steps)
    k = 0
    while k < len(joined):
        for other in range(len(joined)):
            merged = _joined(joined[k], joined[other]) if other != k else None
            if merged is not None:
                joined = [step for place, step in enumerate(joined) if place not in {k, other}] + [merged]
                k = -1
                break
        k += 1
    return joined


def _joined(first: Step, second: Step) -> Step | None:
    a, b = first.measure, second.measure
    if a is None or b is None or first.coefficient != second.coefficient:
        return None
    if (first.reason, first.assumption) != (second.reason, second.assumption) or bool(a.second) != bool(b.second):
        return None
    if not a.second:
        if b.given == a.given | a.first:
            return replace(first, measure=Measure(a.first | b.first, frozenset(), a.given))
        return None
    for shared, new in ((a.first, a.second), (a.second, a.first)):
        for same, further in ((b.first, b.second), (b.second, b.first)):
            if shared == same and b.given == a.given | new and not further & (a.given | new):
                return replace(first, measure=Measure(shared, new | further, a.given))
    return None


def _data_processing(zero: Step, positive: Step) -> Line | None:
    """I(A; B | D) - I(A; C | D) = I(A; B | C, D) - I(A; C | B, D), where the last is zero."""
    z, m = zero.measure, positive.measure
    if z is None or m is None or not m.second:
        return None
    for a, c in ((z.first, z.second), (z.second, z.first)):
        for same, b in ((m.first, m.second), (m.second, m.first)):
            rest = z.given - b
            if same == a and b <= z.given and c <= m.given and m.given - c == rest:
                return Line(
                    kind=Kind.DATA_PROCESSING,
                    multiplier=positive.coefficient,
                    measure=Measure(a, b, m.given),
                    zero=Measure(a, c, z.given),
                    larger=Measure(a, b, rest),
                    smaller=Measure(a, c, rest),
                    reason=zero.reason,
                    assumption=zero.assumption,
                )
    return None
