"""What the estimate of a term promises: direction, units, saturation, and when it is exact."""

from dataclasses import dataclass

from mvib.catalogue.signature import Bound, DistributionEntry, Interface
from mvib.render.formula import estimator_title, statement_of
from mvib.semantics.method import Method, Term

_LONGEST_TITLE = 40


@dataclass(frozen=True, slots=True, kw_only=True)
class Promise:
    """The promise of a term's estimator.

    Attributes:
        title: what papers call the estimator.
        call: the estimator as a spec writes it.
        bound: direction of the estimate with respect to the quantity.
        units: `nats`, or `none`.
        saturation: the value it cannot exceed, empty when there is none.
        exact_when: condition under which it is exact, empty when never.
        drops: constants that are left out, empty when none.
        slack: by how much a bound may miss, empty for not at all.
    """

    title: str
    call: str
    bound: Bound
    units: str
    saturation: str
    exact_when: str
    drops: str
    slack: str = ""

    @property
    def bound_text(self) -> str:
        """`lower bound`, with what it is up to: constants that are left out, or by how much it may miss."""
        notes = []
        if self.bound is not Bound.SURROGATE:
            notes = [f"within {self.slack}"] if self.slack else []
            notes += ["up to constants"] if self.drops else []
        return ", ".join((self.bound.value, *notes))


def promise_of(method: Method, term: Term) -> Promise:
    """What the estimator of a term promises; a decoder bounds by the variational inequality (review, equation 7)."""
    written = " ".join(statement_of(method, term).estimator.span.text.split())
    if term.estimator is not None:
        entry = term.estimator
        is_rate = entry.interface is Interface.RATE and len(written) <= _LONGEST_TITLE
        return Promise(
            # What a rate is measured against is half of what it is.
            title=written if is_rate else estimator_title(entry.name),
            call=written,
            bound=term.bound,
            units=entry.units,
            saturation=entry.saturation,
            exact_when=entry.exact_when,
            drops=entry.drops,
            slack=entry.slack_of(term.call.words()) if term.call is not None else "",
        )
    module = method.modules[term.estimator_name]
    density = module.call.entry if module.call is not None else None
    name = module.family
    return Promise(
        title=f"decoder {name}" + (f" ({density.name})" if density is not None else ""),
        call=written,
        bound=term.bound,
        units="nats",
        saturation="",
        exact_when=f"{name} is the true conditional density",
        drops=density.drops if isinstance(density, DistributionEntry) else "",
    )
