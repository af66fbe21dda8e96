"""Verdicts on claims as text, JSON and LaTeX."""

from collections.abc import Sequence

from mvib.render.derivation import derivation_latex, derivation_text
from mvib.render.formula import fact_formula
from mvib.render.markup import escape_latex, latex
from mvib.semantics.method import Method
from mvib.source import printable
from mvib.syntax import ast
from mvib.theory.verdict import Status, Verdict

_WIDTH = 12
_NOT_PROVED = {Status.FALSE, Status.NOT_IMPLIED}


def scope_text(verdict: Verdict) -> str:
    """For which variables a proved claim holds."""
    if verdict.holds_for_any_variables:
        return "for any variables, where all quantities are finite"
    return "for discrete or quantised variables only"


def verdict_lines(verdict: Verdict, *, with_proof: bool) -> list[str]:
    """What was found out, for a terminal.

    Args:
        verdict: on a claim.
        with_proof: whether to print the derivation.
    """
    claim = printable(verdict.relation.text)
    match verdict.status:
        case Status.PROVED:
            lines = [f"{'proved':<{_WIDTH}}{claim}", f"{'':<{_WIDTH}}{scope_text(verdict)}"]
            lines += [f"{'':<{_WIDTH}}by `{printable(a.text)}`" for a in verdict.used_assumptions]
            for number, proof in enumerate(verdict.proofs if with_proof else (), start=1):
                sides = f"{'>=' if number == 1 else '<='}" if len(verdict.proofs) > 1 else ""
                lines += ["", *([f"    {sides}"] if sides else []), *(f"    {line}" for line in derivation_text(proof))]
            return lines
        case Status.FALSE:
            assert verdict.counterexample is not None
            lines = [
                f"{'false':<{_WIDTH}}{claim}",
                f"{'':<{_WIDTH}}{Status.NOT_IMPLIED.value}, and fails with fair independent bits b1, b2, ...:",
                *(f"{'':<{_WIDTH}}  {printable(line)}" for line in verdict.counterexample.describe()),
                f"{'':<{_WIDTH}}{numbers_text(verdict)}",
            ]
        case Status.NOT_IMPLIED:
            lines = [f"{'not implied':<{_WIDTH}}{claim}", f"{'':<{_WIDTH}}{verdict.status.value}"]
        case _:
            lines = [f"{'undecided':<{_WIDTH}}{claim}", f"{'':<{_WIDTH}}{printable(verdict.why)}"]
    return lines + [f"{'':<{_WIDTH}}it follows with {printable(r.text)}" for r in verdict.remedies]


def numbers_text(verdict: Verdict) -> str:
    """The quantities of a false claim on its counterexample."""
    return ", ".join(f"{printable(name)} = {value:.4g}" for name, value in verdict.numbers) + " nats"


def verdict_json(verdict: Verdict) -> dict[str, object]:
    """What was found out, as plain data."""
    example = verdict.counterexample
    return {
        "claim": verdict.relation.text,
        "status": verdict.status.name.lower().replace("_", "-"),
        "holds_for": ("any" if verdict.holds_for_any_variables else "discrete") if verdict.proofs else None,
        "assumptions": [assumption.text for assumption in verdict.used_assumptions],
        "proofs": [derivation_text(proof) for proof in verdict.proofs],
        "counterexample": list(example.describe()) if example is not None else None,
        "numbers": dict(verdict.numbers),
        "remedies": [[assumption.text for assumption in remedy.assumptions] for remedy in verdict.remedies],
        "why": verdict.why or (Status.NOT_IMPLIED.value if verdict.status in _NOT_PROVED else ""),
    }


def verdicts_latex(method: Method, verdicts: Sequence[Verdict]) -> str:
    """Claims with their derivations, for a paper that loads amsmath."""
    relations = {s.relation.span: s.relation for s in method.spec.statements if isinstance(s, ast.Claim)}
    parts = []
    for verdict in verdicts:
        claim = latex(fact_formula(relations[verdict.relation.span]))
        state = verdict.status.value
        if verdict.status is Status.PROVED:
            state += f" {scope_text(verdict)}"
        lines = [rf"\paragraph{{Claim.}} ${claim}$, {escape_latex(state)}."]
        for number, proof in enumerate(verdict.proofs, start=1):
            if len(verdict.proofs) > 1:
                relation = r"\ge" if number == 1 else r"\le"
                lines.append(f"For ${relation}$:")
            lines.append(derivation_latex(proof))
        if verdict.counterexample is not None:
            made = "; ".join(verdict.counterexample.describe())
            lines.append(escape_latex(f"With fair independent bits b1, b2, ...: {made}: {numbers_text(verdict)}."))
        parts.append("\n".join(lines))
    return "\n".join(parts) + ("\n" if parts else "")
