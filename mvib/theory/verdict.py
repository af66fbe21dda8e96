"""What was found out about a claim; light to import, for those that only ask."""

from dataclasses import dataclass
from enum import Enum
from typing import TYPE_CHECKING

from mvib.semantics.method import LinearRelation
from mvib.theory.proof import Assumption, Proof

if TYPE_CHECKING:
    from mvib.theory.counterexample import Counterexample
    from mvib.theory.remedy import Remedy


class Status(Enum):
    """What was found out about a claim."""

    PROVED = "proved"
    FALSE = "false"
    NOT_IMPLIED = "does not follow from Shannon's inequalities"
    UNDECIDED = "not decided"


@dataclass(frozen=True, slots=True, kw_only=True)
class Verdict:
    """What was found out about a claim.

    Attributes:
        relation: the claim.
        status: proved, false, not implied or not decided.
        proofs: one, or two for an equality; none unless it is proved.
        counterexample: a distribution on which it fails, where it is false.
        numbers: each quantity of the claim on the counterexample, in nats.
        remedies: assumptions any one of which would make it follow.
        why: of a claim that is not decided.
    """

    relation: LinearRelation
    status: Status
    proofs: tuple[Proof, ...] = ()
    counterexample: "Counterexample | None" = None
    numbers: tuple[tuple[str, float], ...] = ()
    remedies: "tuple[Remedy, ...]" = ()
    why: str = ""

    @property
    def holds_for_any_variables(self) -> bool:
        """Whether it is proved for continuous variables too, where the quantities are finite."""
        return bool(self.proofs) and all(proof.holds_for_any_variables for proof in self.proofs)

    @property
    def used_assumptions(self) -> tuple[Assumption, ...]:
        """What the proofs rest on."""
        used = {step.assumption for proof in self.proofs for step in proof.steps if step.assumption >= 0}
        return tuple(self.proofs[0].assumptions[k] for k in sorted(used))
