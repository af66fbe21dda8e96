"""What the bundled specs claim: each something, all of it proved, from the assumptions that it is said to rest on."""

from collections.abc import Mapping, Sequence

import pytest

from mvib.driver import analyse, read_source
from mvib.resources import bundled_specs
from mvib.theory.claims import judge_claims
from mvib.theory.verdict import Status, Verdict
from tests.theory.certificates import assert_certificate

NAMES = sorted(bundled_specs())

# Claims that hold for discrete or quantised variables only, reviewed: they count an entropy as not negative, or take a
# deterministic encoder for a function, of which a continuous code has H(Z | X) = minus infinity.
DISCRETE_ONLY: Mapping[str, Sequence[str]] = {
    "barlow_twins": ["I(X[1]; Z[1]) = H(Z[1])"],
    "beta_vae": ["I(X; Z) <= H(X)"],
    "deep_infomax": ["I(L[1]; E) <= I(X; E)"],
    "infovae": ["I(X; Z) <= H(X)"],
    "review/deterministic_encoders": ["I(X[1]; Z[1] | X[2]) = H(Z[1] | X[2])"],
    "review/equation_9": ["I(Z[1]; Y) >= I(X[1]; Y) - H(X[1] | Z[1])"],
    "review/unsupervised_ib": ["I(X; Z) <= H(X)"],
    "tsai": ["I(X[1]; N[1] | X[2]) = H(N[1] | X[2])"],
    "vae": ["I(X; Z) <= H(X)"],
    "vq_vae": ["I(X; C) = H(C)"],
    "wang2022_barlow_twins": ["I(X[1]; Z[1]) = H(Z[1])", "I(R[1]; Y) >= I(X[1]; Y) - H(X[1] | R[1])"],
    "wang2022_byol": ["I(R[1]; Y) >= I(X[1]; Y) - H(X[1] | R[1])"],
    "wang2022_simclr": ["I(R[1]; Y) >= I(X[1]; Y) - H(X[1] | R[1])"],
    # Both sides are entropies of functions of X[1].
    "wang2022_simclr_lbe": ["I(H[1]; R[1]) <= I(X[1]; R[1])"],
}

MULTIVIEW = [f"multiview(X[1], X[2], Y): I(Y; X[{one}] | X[{other}]) <= eps" for one, other in ((1, 2), (2, 1))]
SUFFICIENT = "sufficient(R[1], X[2])"

# What the claims rest on beyond the graph.
ASSUMED: Mapping[str, Sequence[str]] = {
    "bince": MULTIVIEW,
    "c_byol": MULTIVIEW,
    "c_simclr": MULTIVIEW,
    "mvib": MULTIVIEW,
    "review/conditional_entropy_bottleneck": MULTIVIEW,
    "review/deterministic_encoders": MULTIVIEW,
    "review/equation_6": MULTIVIEW,
    "review/multiview_ib": MULTIVIEW,
    "review/multiview_ib_one_side": MULTIVIEW,
    "tsai": [MULTIVIEW[0], SUFFICIENT],
    "wang2022_barlow_twins": [SUFFICIENT],
    "wang2022_byol": [SUFFICIENT],
    "wang2022_simclr": [SUFFICIENT],
    "wang2022_simclr_lbe": [SUFFICIENT],
}


def verdicts_of(name: str) -> tuple[Verdict, ...]:
    analysis = analyse(read_source(name), prove=False)
    assert analysis.method is not None, analysis.diagnostics
    assert analysis.graph is not None
    return judge_claims(analysis.method, analysis.graph)


@pytest.mark.parametrize("name", NAMES)
def test_each_spec_claims_something_and_all_of_it_is_proved(name: str) -> None:
    verdicts = verdicts_of(name)
    assert verdicts, "it claims nothing"
    assert {verdict.relation.text: verdict.status for verdict in verdicts if verdict.status is not Status.PROVED} == {}
    for verdict in verdicts:
        for proof in verdict.proofs:
            assert_certificate(proof, proof.claim)
    # A claim that is true because both sides are the same sum of entropies is fine beside one that needs a reason.
    assert any(proof.steps for verdict in verdicts for proof in verdict.proofs), "all that it claims are identities"


@pytest.mark.parametrize("name", NAMES)
def test_for_which_variables_and_from_which_assumptions(name: str) -> None:
    verdicts = verdicts_of(name)
    discrete = [verdict.relation.text for verdict in verdicts if not verdict.holds_for_any_variables]
    assert discrete == list(DISCRETE_ONLY.get(name, ()))
    used = [assumption.text for verdict in verdicts for assumption in verdict.used_assumptions]
    assert used == list(ASSUMED.get(name, ()))


def test_whoever_states_the_multiview_assumption_claims_something_by_it() -> None:
    for name, path in bundled_specs().items():
        if "assume multiview(" in path.read_text(encoding="utf-8"):
            assert MULTIVIEW[0] in ASSUMED.get(name, ()), name


@pytest.mark.parametrize("name", sorted(ASSUMED))
def test_the_assumptions_do_not_contradict_each_other(name: str) -> None:
    """From what contradicts itself everything would follow."""
    analysis = analyse(read_source(name), claim="I(X[1]; Y) <= -1", prove=False)
    assert analysis.method is not None, analysis.diagnostics
    assert analysis.graph is not None
    (verdict,) = judge_claims(analysis.method, analysis.graph)
    assert verdict.status is Status.FALSE
