"""false-claim, unproved-claim, undecided-claim, contradictory-assumptions: what does not follow, or would anyway."""

from collections.abc import Iterator, Mapping

from mvib.diagnostics import Diagnostic, Severity
from mvib.graph import InformationGraph, Reading
from mvib.semantics.method import LinearRelation, Method
from mvib.source import Span
from mvib.theory.verdict import Status, Verdict

_SECONDS_IN_ALL = 60.0
_MAX_EXPLAINED = 5


def check_claims(
    method: Method, graph: InformationGraph, readings: Mapping[str, tuple[Reading, ...]]
) -> Iterator[Diagnostic]:
    """Prove each claim of a spec, or say why it does not follow; of a family of claims the first that fails."""
    del readings
    if not method.claims:
        return
    # numpy is loaded only where there is a claim.
    from mvib.theory.claims import has_contradictory_assumptions, judge_claims  # noqa: PLC0415

    if has_contradictory_assumptions(method, graph):
        yield _contradictory(method)
        return

    reported: set[Span] = set()
    for verdict in judge_claims(method, graph, explain=False, seconds_in_all=_SECONDS_IN_ALL):
        if verdict.status is Status.PROVED or verdict.relation.span in reported:
            continue
        reported.add(verdict.relation.span)
        # Only what is shown is worth a search for an example and a remedy; of many mistakes the first few.
        if len(reported) <= _MAX_EXPLAINED and not verdict.why.startswith("the claims before"):
            (verdict,) = judge_claims(method, graph, [verdict.relation])
        yield _diagnostic(verdict)


def _diagnostic(verdict: Verdict) -> Diagnostic:
    claim = f"`{verdict.relation.text}`"
    match verdict.status:
        case Status.FALSE:
            assert verdict.counterexample is not None
            numbers = ", ".join(f"{name} = {value:.4g}" for name, value in verdict.numbers)
            made = "; ".join(verdict.counterexample.describe())
            return Diagnostic(
                slug="false-claim",
                severity=Severity.ERROR,
                title=f"the claim {claim} is false",
                span=verdict.relation.span,
                label=f"{numbers} nats",
                why="it does not follow from Shannon's inequalities: this obeys the graph and the assumptions, with "
                f"fair independent bits b1, b2, ...: {made}",
                remedy=_remedy(verdict),
            )
        case Status.NOT_IMPLIED:
            return Diagnostic(
                slug="unproved-claim",
                severity=Severity.ERROR,
                title=f"the claim {claim} does not follow from Shannon's inequalities",
                span=verdict.relation.span,
                label="neither proved, nor a distribution found on which it fails",
                why=verdict.why
                or "entropies that obey the graph, the assumptions and Shannon's inequalities may break it",
                remedy=_remedy(verdict),
            )
        case _:
            return Diagnostic(
                slug="undecided-claim",
                severity=Severity.WARNING,
                title=f"the claim {claim} was not decided",
                span=verdict.relation.span,
                label=verdict.why,
                remedy="claim it of fewer variables, or in two steps",
            )


def _contradictory(method: Method) -> Diagnostic:
    numbers = [fact for fact in method.assumptions if isinstance(fact, LinearRelation)]
    return Diagnostic(
        slug="contradictory-assumptions",
        severity=Severity.ERROR,
        title="the assumptions exclude each other",
        span=numbers[-1].span,
        label="no distribution that obeys the graph obeys this and the others",
        why="everything follows from a contradiction, so no claim is looked at: -1 >= 0 can be proved",
        remedy="drop one of them; the numbers in them are in nats",
    )


def _remedy(verdict: Verdict) -> str:
    if not verdict.remedies:
        return "weaken the claim: no assumption was found, among short Markov chains of its variables, that gives it"
    return f"it follows with {', or with '.join(remedy.text for remedy in verdict.remedies)}; assume it if it is so"
