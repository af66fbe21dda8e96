"""Derivations for people: numbered lines with their reasons, as plain text and as LaTeX."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction

from mvib.render.markup import Formula, escape_latex, joined, latex, lowered, number, plain_text, sign, symbol
from mvib.theory.derivation import Kind, Line, derive
from mvib.theory.expression import Expression, Rational, Variables
from mvib.theory.proof import Measure, Proof, Reason

_NO_FORMULA: Formula = ()


@dataclass(frozen=True, slots=True)
class DerivationLine:
    """A numbered line.

    Attributes:
        formula: what holds; empty of assumptions, which are quoted.
        quoted: an assumption as the spec says it.
        reason: why it holds, with the numbers of the lines it rests on.
    """

    formula: Formula
    quoted: str
    reason: str


@dataclass(frozen=True, slots=True)
class PrintedDerivation:
    """A derivation as numbered lines.

    Attributes:
        lines: in an order in which each rests on those before it.
        conclusion: which of them add up to the claim.
        identity: the claim's larger side less its smaller side in joint entropies, which the sum is too.
    """

    lines: tuple[DerivationLine, ...]
    conclusion: str
    identity: Formula


def print_derivation(proof: Proof) -> PrintedDerivation:
    """Number the lines of a proof.

    Zeros come first, then what is assumed, then data processing, each beside the line that makes it so; inequalities
    that follow one another, I(A; B) >= I(A; C) >= ..., stand together.
    """
    place = {name: k for k, name in enumerate(proof.network.names)}
    printed: list[DerivationLine] = []
    summands: list[tuple[Rational, int]] = []
    for line in _in_order(derive(proof)):
        if line.zero is not None and line.larger is not None and line.smaller is not None:
            zero = (*_measure(line.zero, place), *sign("="), *number("0"))
            printed.append(DerivationLine(zero, "", _why_zero(line.zero, line, proof)))
            larger, smaller = _measure(line.larger, place), _measure(line.smaller, place)
            formula = (*larger, *sign(">="), *smaller)
            printed.append(DerivationLine(formula, "", f"data processing, by ({len(printed)})"))
        else:
            printed.append(_printed(line, proof, place))
        summands.append((line.multiplier, len(printed)))
    if not printed:
        conclusion = "Both sides are equal by the chain rule."
    elif len(printed) == 1 or _is_chain(summands, printed):
        conclusion = "Together these are the claim."
    else:
        conclusion = f"The claim is {_sum(summands)}, by the chain rule: of each line its larger side less its smaller."
    return PrintedDerivation(tuple(printed), conclusion, _entropies(proof.claim, place))


def derivation_text(proof: Proof) -> list[str]:
    """Lines for a terminal."""
    printed = print_derivation(proof)
    formulas = [plain_text(line.formula) or line.quoted for line in printed.lines]
    width = max(map(len, formulas), default=0)
    lines = [
        f"({k}) {formula.ljust(width)}   {line.reason}".rstrip()
        for k, (formula, line) in enumerate(zip(formulas, printed.lines, strict=True), start=1)
    ]
    identity = plain_text(printed.identity)
    return [*lines, printed.conclusion, *([f"In joint entropies both are {identity}."] if identity else [])]


def derivation_latex(proof: Proof) -> str:
    """An `align*` environment with the lines and their reasons, and the conclusion behind it."""
    printed = print_derivation(proof)
    rows = []
    for k, line in enumerate(printed.lines, start=1):
        formula = latex(line.formula) if line.formula else rf"\text{{{escape_latex(line.quoted)}}}"
        rows.append(rf"  & {formula} && \text{{{escape_latex(line.reason)}}} \tag{{{k}}}")
    block = ["\\begin{align*}", " \\\\\n".join(rows), "\\end{align*}"] if rows else []
    tail = [escape_latex(printed.conclusion)]
    if printed.identity:
        tail.append(f"In joint entropies both are ${latex(printed.identity)}$.")
    return "\n".join([*block, *tail]) + "\n"


def _in_order(lines: Sequence[Line]) -> list[Line]:
    """Data processing in chains: each behind that whose smaller side is its larger one."""
    chains = [line for line in lines if line.kind is Kind.DATA_PROCESSING]
    ordered: list[Line] = []
    smaller = {_key(line.smaller) for line in chains}
    waiting = sorted(chains, key=lambda line: _key(line.larger) in smaller)
    while waiting:
        behind = next((w for w in waiting if ordered and _key(w.larger) == _key(ordered[-1].smaller)), waiting[0])
        waiting.remove(behind)
        ordered.append(behind)
    others = [line for line in lines if line.kind is not Kind.DATA_PROCESSING]
    return [*others, *ordered]


def _key(measure: Measure | None) -> tuple[frozenset[Variables], Variables]:
    assert measure is not None
    return frozenset({measure.first, measure.second}), measure.given


def _printed(line: Line, proof: Proof, place: Mapping[str, int]) -> DerivationLine:
    if line.measure is not None:
        is_zero = line.reason is not Reason.SHANNON
        formula = (*_measure(line.measure, place), *sign("=" if is_zero else ">="), *number("0"))
        if is_zero:
            return DerivationLine(formula, "", _why_zero(line.measure, line, proof))
        what = (
            "information is not negative" if line.measure.second else "entropy of a discrete variable is not negative"
        )
        return DerivationLine(formula, "", what)
    match line.kind:
        case Kind.ASSUMED:
            return DerivationLine(_NO_FORMULA, proof.assumptions[line.assumption].text, "assumed")
        case Kind.SYMBOL:
            return DerivationLine((*symbol(line.symbol), *sign(">="), *number("0")), "", "a free symbol")
        case _:
            return DerivationLine((*number("1"), *sign(">="), *number("0")), "", "")


def _why_zero(measure: Measure, line: Line, proof: Proof) -> str:
    match line.reason:
        case Reason.FUNCTION:
            return f"{_list(measure.first)} is a function of {_list(measure.given)}"
        case Reason.INDEPENDENCE:
            return f"assumed: {proof.assumptions[line.assumption].text}"
        case _:
            return _why_separated(measure, proof)


def _why_separated(measure: Measure, proof: Proof) -> str:
    network = proof.network
    given = network.mask(measure.given)
    first, second = (network.mask(side) & ~given for side in (measure.first, measure.second))
    if not proof.functional or (first and second and not first & second and network.separated(first, second, given)):
        if not measure.given:
            return f"nothing joins {_list(measure.first)} and {_list(measure.second)} in the graph"
        return f"{_list(measure.given)} separates {_list(measure.first)} from {_list(measure.second)} in the graph"
    known = network.closure(given)
    if first & ~known and second & ~known:
        sides = f"{_list(measure.first)} from {_list(measure.second)}"
        return f"{_list(measure.given)}, with what is a function of it, separates {sides} in the graph"
    determined = measure.second if first & ~known else measure.first
    return f"{_list(determined)} is a function of {_list(measure.given)}"


def _list(names: Variables) -> str:
    ordered = sorted(names)
    return ordered[0] if len(ordered) == 1 else f"({', '.join(ordered)})"


def _is_chain(summands: Sequence[tuple[Rational, int]], printed: Sequence[DerivationLine]) -> bool:
    """Whether all that is summed is data processing, once each, so that nothing is left to add up."""
    return all(c == 1 and printed[k - 1].reason.startswith("data processing") for c, k in summands)


def _sum(summands: Iterable[tuple[Rational, int]]) -> str:
    text = ""
    for coefficient, line in summands:
        factor = "" if abs(coefficient) == 1 else f"{abs(Fraction(coefficient))} * "
        joint = (" - " if text else "-") if coefficient < 0 else (" + " if text else "")
        text += f"{joint}{factor}({line})"
    return text


# ---- formulas --------------------------------------------------------------------------------------------------------


def _measure(measure: Measure, place: Mapping[str, int]) -> Formula:
    sides = [side for side in (measure.first, measure.second) if side]
    sides.sort(key=lambda side: min(place[name] for name in side))
    inside = joined((_variables(side, place) for side in sides), ";")
    given = (*sign("|"), *_variables(measure.given, place)) if measure.given else ()
    return (*symbol("I" if measure.second else "H"), *sign("("), *inside, *given, *sign(")"))


def _entropies(claim: Expression, place: Mapping[str, int]) -> Formula:
    parts: list[tuple[Rational, Formula]] = []
    for names, coefficient in sorted(claim.entropies.items(), key=lambda item: sorted(place[n] for n in item[0])):
        parts.append((coefficient, (*symbol("H"), *sign("("), *_variables(names, place), *sign(")"))))
    parts += [(coefficient, symbol(name)) for name, coefficient in sorted(claim.symbols.items())]
    parts += [(claim.constant, ())] if claim.constant else []
    parts.sort(key=lambda part: part[0] < 0)
    formula: Formula = ()
    for coefficient, part in parts:
        joint = sign("-" if coefficient < 0 else "+") if formula else sign("leading -") if coefficient < 0 else ()
        size = abs(Fraction(coefficient))
        factor = () if size == 1 and part else number(str(size))
        formula = (*formula, *joint, *factor, *(sign("factor") if factor and part else ()), *part)
    return formula


def _variables(names: Variables, place: Mapping[str, int]) -> Formula:
    return joined((variable_formula(name) for name in sorted(names, key=place.__getitem__)), ",")


def variable_formula(name: str) -> Formula:
    """A variable by its name: `Z[1]` with a subscript; a prediction `q(Z[1])` as it is."""
    if "(" in name:
        head, _, inside = name.partition("(")
        return (*variable_formula(head), *sign("("), *variable_formula(inside.removesuffix(")")), *sign(")"))
    family, _, index = name.removesuffix("]").partition("[")
    if not index:
        return symbol(family)
    return (*symbol(family), *lowered(joined((number(part) for part in index.split(",")), ",")))
