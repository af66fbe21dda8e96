"""The terms of the objective as lines of Python: each estimate, and its share of the loss."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from mvib.catalogue.signature import Bound
from mvib.compile.emission.context import Context
from mvib.compile.emission.estimates import INDENT, EstimateWriter, Written
from mvib.compile.emission.expressions import literal
from mvib.compile.emission.steps import StepWriter
from mvib.compile.emission.text import comment, plain_line, quoted
from mvib.plan.plan import PlannedTerm
from mvib.semantics.method import Direction
from mvib.semantics.method import Term as SpecTerm
from mvib.semantics.values import (
    is_constant,
    scalar_text,
)


@dataclass(slots=True, kw_only=True)
class TermWriter:
    """Writes the terms behind the steps of a plan.

    Attributes:
        context: of the file.
        steps: writer of the steps, whose local names the terms use.
        estimates: writer of their estimates.
        batch: expression of the number of examples of the batch.
    """

    context: Context
    steps: StepWriter
    estimates: EstimateWriter
    batch: str

    def lines(self, term: PlannedTerm, spec: SpecTerm | None, comments: Sequence[str]) -> Iterator[str]:
        """The lines of a term.

        Args:
            term: of the plan.
            spec: the term it was planned from.
            comments: of the spec about it.
        """
        margin = " " * INDENT
        yield ""
        for text in comments:
            yield from comment(text.lstrip("# "), indent=INDENT)
        if spec is not None:
            yield from comment(spec.span.text, indent=INDENT, keep_spaces=True)
        yield from comment(_account(term), indent=INDENT)
        name = self.steps.names.of(("term", term.label), term.label, otherwise=f"term_{term.label}")
        written = [self.estimates.write(estimate, index, name) for index, estimate in enumerate(term.estimates)]
        values, constants = [], []
        for index, (one, estimate) in enumerate(zip(written, term.estimates, strict=True)):
            suffix = f"_{index + 1}" if len(written) > 1 else ""
            share = float(estimate.share)
            factor = "" if share == 1 else f" * {literal(share)}"
            local = self.steps.names.of(("estimate", term.label, index), name + suffix) if suffix else name
            constant = (
                self.steps.names.of(("constant", term.label, index), f"constant_of_{local}") if one.constant else ""
            )
            yield from self._assigned(one, local, constant)
            values.append(f"{local}{factor}")
            if constant:
                constants.append(f"{constant}{factor}")
        if len(written) > 1:
            yield from _sum(f"{margin}{name} = ", values)
        yield f"{margin}terms[{quoted(term.label)}] = {name}.detach()"
        yield from self._loss(term, name, constants, written)

    def _assigned(self, one: Written, local: str, constant: str) -> Iterator[str]:
        """The lines of one estimate, under its guard."""
        margin = " " * INDENT
        if not one.guard:
            yield from one.lines
            yield f"{margin}{local} = {one.value}"
            if one.constant:
                yield f"{margin}{constant} = {one.constant}"
            if one.fit:
                yield f"{margin}losses.append({one.fit} - {one.fit}.detach())  # its gradient, and none of its value"
            return
        yield f"{margin}if {one.guard}:"
        for line in one.lines:
            yield from (f"    {part}" for part in line.split("\n"))
        yield "\n".join(f"    {part}" for part in f"{margin}{local} = {one.value}".split("\n"))
        if one.constant:
            yield "\n".join(f"    {part}" for part in f"{margin}{constant} = {one.constant}".split("\n"))
        if one.fit:
            yield f"{margin}    losses.append({one.fit} - {one.fit}.detach())  # its gradient, and none of its value"
        yield f"{margin}else:  # no example of the batch has what the term is about"
        yield f"{margin}    {local} = {one.otherwise}"
        if one.constant:
            yield f"{margin}    {constant} = 0.0"

    def _loss(
        self, term: PlannedTerm, name: str, constants: Sequence[str], written: Sequence[Written]
    ) -> Iterator[str]:
        margin = " " * INDENT
        value = name
        if len(constants) == 1:
            value = f"({name} - {constants[0]})"
        elif constants:
            value = f"({name} - ({' + '.join(constants)}))"
        sign = "" if term.direction is Direction.MINIMIZE else "-"
        weight = self.context.scalar(term.weight)
        factors = [] if is_constant(term.weight) and weight in {"1", "1.0"} else [weight]
        if term.of_all:
            rows = sorted({one.rows for one in written})
            least = rows[0] if len(rows) == 1 else f"min({', '.join(rows)})"
            # Its mean is over some of the examples, and counts by their share of the batch.
            factors.append(f"({least} / {self.batch})")
        if not sign and not factors and value.startswith("("):
            value = value[1:-1]
        product = " * ".join([*factors, value])
        yield f"{margin}losses.append({sign}{product})"


def _account(term: PlannedTerm) -> str:
    """What the estimate is to the quantity, and how it enters the loss."""
    estimate = term.estimates[0]
    if estimate.entry is None:
        bound, units, slack = Bound.LOWER if estimate.is_information else Bound.UPPER, "nats", ""
    else:
        words = estimate.call.words() if estimate.call is not None else {}
        bound, units = estimate.entry.bound_of(estimate.form, words), estimate.entry.units
        slack = estimate.entry.slack_of(words) if bound is not Bound.SURROGATE else ""
    unit = "in nats" if units == "nats" else "without unit"
    sign = "-" if term.direction is Direction.MAXIMIZE else "+"
    saturates = ""
    if estimate.entry is not None and estimate.entry.saturation:
        saturates = f"; saturates at {plain_line(estimate.entry.saturation)}"
    if slack:
        saturates += f"; holds less {plain_line(slack)}"
    return f"{bound.value} {unit}{saturates}; enters the loss with {sign}{scalar_text(term.weight)}"


def _sum(before: str, values: Sequence[str]) -> Iterator[str]:
    line = before + " + ".join(values)
    if len(line) <= 120:
        yield line
        return
    yield f"{before}("
    for index, value in enumerate(values):
        yield f"{' ' * INDENT}    {'+ ' if index else ''}{value}"
    yield f"{' ' * INDENT})"
