"""Theorems of the review and of the papers it builds on, each from a graph and stated assumptions alone.

Each is derived on paper first; the derivation is in the docstring, with its source. `any_variables` is what theory says
of continuous variables: a proof from independences and from I(A; B | C) >= 0 alone, of a balanced inequality, holds for
differential entropies too (Chan 2003). One that counts with H >= 0, or with H(f(X) | X) = 0, holds for discrete or
quantised variables only.
"""

from collections.abc import Sequence
from itertools import combinations, pairwise

import networkx as nx
import pytest

from mvib.driver import analyse
from mvib.source import SourceFile
from mvib.theory.claims import judge_claims
from mvib.theory.verdict import Status, Verdict
from tests.theory.certificates import assert_certificate

# Two views, whatever they share, and a label; the encoder sees the first view.
TWO_VIEWS = """
data    X1: image, X2: image, Y: label partial
encoder e: X1 ~> Z = gaussian(backbone(), dim: 4)
"""
# A sufficient code, and one of its own that sees the same view.
TWO_CODES = f"{TWO_VIEWS}encoder m: X1 ~> M = gaussian(backbone(), dim: 4)\n"
SUPERVISED = """
data    X: image, Y: label
encoder e: X ~> Z = gaussian(backbone(), dim: 4)
"""
DETERMINISTIC = """
data    X: image
view    X[i: 1..2] ~ augment(X)
encoder f: X[i] -> Z[i] = backbone()
"""
STOCHASTIC = """
data    X: image
view    X[i: 1..2] ~ augment(X)
encoder e: X[i] ~> Z[i] = gaussian(backbone(), dim: 4)
"""


def judge(graph: str, claims: Sequence[str], assumptions: Sequence[str] = ()) -> tuple[Verdict, ...]:
    facts = [*(f"assume {fact}" for fact in assumptions), *(f"claim {claim}" for claim in claims)]
    analysis = analyse(SourceFile("theorem.mvib", "\n".join(["method Theorem", graph, *facts])), prove=False)
    assert analysis.method is not None, analysis.diagnostics
    assert analysis.graph is not None
    return judge_claims(analysis.method, analysis.graph)


def assert_proved(
    graph: str, *claims: str, assumptions: Sequence[str] = (), uses: Sequence[str] | None = None, any_variables: bool
) -> None:
    """Each claim is proved, with certificates that hold, for these variables, from exactly these assumptions.

    Args:
        graph: statements of a spec.
        claims: what is to be proved.
        assumptions: what is assumed.
        uses: what the proofs rest on; all that is assumed by default.
        any_variables: whether they hold for continuous variables too.
    """
    for verdict in judge(graph, claims, assumptions):
        text = verdict.relation.text
        assert verdict.status is Status.PROVED, text
        assert len(verdict.proofs) == (2 if verdict.relation.operator == "=" else 1), text
        for proof in verdict.proofs:
            proof.verify()
            assert_certificate(proof, proof.claim)
        assert verdict.holds_for_any_variables is any_variables, text
        assert [used.text for used in verdict.used_assumptions] == list(assumptions if uses is None else uses), text
        assert (verdict.counterexample, verdict.remedies, verdict.why) == (None, (), ""), text


def assert_false_without_each(graph: str, claim: str, *, assumptions: Sequence[str]) -> None:
    """The claim is false as soon as any one of its assumptions is dropped: none is there for nothing."""
    for dropped in assumptions:
        left = [fact for fact in assumptions if fact != dropped]
        (verdict,) = judge(graph, [claim], left)
        assert verdict.status is Status.FALSE, f"without {dropped}"
        assert verdict.counterexample is not None
        assert verdict.counterexample.value < 0


# ---- data processing -------------------------------------------------------------------------------------------------

PATHS = """
data    X: image, Y: label
view    X[i: 1..2] ~ augment(X)
encoder f:  X[i] -> R[i] = backbone()
encoder e:  R[i] ~> Z[i] = gaussian(mlp(8), dim: 4)
encoder ft: X[1] -> S = ema(f, momentum: 0.99)
encoder m:  (Z[1], Z[2]) -> M = mlp(8)
"""
NAMES = ("X", "Y", "X[1]", "X[2]", "R[1]", "R[2]", "Z[1]", "Z[2]", "S", "M")


def test_data_processing_holds_along_every_path() -> None:
    """Cover and Thomas, theorem 2.8.1: A -- B -- C gives I(A; C) <= I(A; B) and I(A; C) <= I(B; C).

    I(A; B, C) = I(A; B) + I(A; C | B) = I(A; C) + I(A; B | C), and I(A; C | B) = 0. Balanced, no function is needed.
    Which triples are such chains is said by networkx, whatever the direction of the arrows: through forks (both views
    of an image), copies and joint codes.
    """
    analysis = analyse(SourceFile("paths.mvib", f"method Paths\n{PATHS}"), prove=False)
    assert analysis.graph is not None
    network = nx.DiGraph([(str(a), str(b)) for a, b in analysis.graph.p.edges])
    claims = []
    for first, second in combinations(NAMES, 2):
        for middle in set(NAMES) - {first, second}:
            if nx.is_d_separator(network, {first}, {second}, {middle}):
                claims.append(f"I({first}; {second}) <= I({first}; {middle})")
                claims.append(f"I({first}; {second}) <= I({middle}; {second})")
    assert len(claims) > 100
    assert_proved(PATHS, *claims, any_variables=True)


@pytest.mark.parametrize("length", [2, 3, 5, 8])
def test_data_processing_holds_for_the_ends_of_a_long_path(length: int) -> None:
    """What the last of a chain tells of the first is at most what any link tells of the next: the rule, repeated."""
    steps = "".join(f"encoder e{k}: V{k} ~> V{k + 1} = gaussian(mlp(8), dim: 4)\n" for k in range(length))
    claims = [f"I(V0; V{length}) <= I(V{k}; V{k + 1})" for k in range(length)]
    assert_proved(f"data V0: image\n{steps}", *claims, any_variables=True)


# ---- one view --------------------------------------------------------------------------------------------------------


def test_the_bottleneck_decomposes() -> None:
    """Review, equation 4 (Federici et al. 2020): I(X; Z) = I(X; Z | Y) + I(Z; Y) for Y - X - Z.

    Both are I(X, Y; Z) by the chain rule: it is I(X; Z) + I(Y; Z | X), whose second part is zero.
    """
    assert_proved(SUPERVISED, "I(X; Z) = I(X; Z | Y) + I(Z; Y)", any_variables=True)


def test_a_code_is_sufficient_if_and_only_if_it_leaves_nothing() -> None:
    """Review, section 3 (Achille and Soatto 2018): I(Z; Y) = I(X; Y) if and only if I(X; Y | Z) = 0, for Y - X - Z.

    I(X; Y) = I(X, Z; Y) - I(Z; Y | X) = I(X, Z; Y) = I(Z; Y) + I(X; Y | Z). Balanced on both sides.
    """
    left, keeps = "I(X; Y | Z) = 0", "I(Z; Y) = I(X; Y)"
    assert_proved(SUPERVISED, keeps, assumptions=[left], any_variables=True)
    assert_proved(SUPERVISED, left, assumptions=[keeps], any_variables=True)
    assert_proved(SUPERVISED, keeps, left, assumptions=["sufficient(Z, Y)"], any_variables=True)
    assert_proved(SUPERVISED, "I(X; Y) - I(Z; Y) = I(X; Y | Z)", any_variables=True)
    assert_false_without_each(SUPERVISED, keeps, assumptions=[left])
    assert_false_without_each(SUPERVISED, left, assumptions=[keeps])


# ---- two views -------------------------------------------------------------------------------------------------------


def test_what_a_code_keeps_is_bounded_by_what_it_and_the_views_lack() -> None:
    """Federici et al. 2020, appendix B: no assumption, and X1, X2, Y are any three variables.

    I(X1, X2; Y) - I(Z; Y) = I(X1, X2; Y | Z), as Z is made of X1. That is I(X2; Y | Z) + I(X1; Y | X2, Z). The second
    is at most I(X1; Y | X2); the first at most I(X2; X1, Y | Z) = I(X1; X2 | Z) + I(X2; Y | X1, Z), the last at most
    I(X2; Y | X1). Separations and informations only, balanced.
    """
    theorem = "I(Z; Y) >= I(X1, X2; Y) - I(X1; X2 | Z) - I(X1; Y | X2) - I(X2; Y | X1)"
    assert_proved(TWO_VIEWS, theorem, any_variables=True)


def test_with_mutual_redundancy_a_sufficient_code_of_one_view_keeps_all_of_the_label() -> None:
    """Federici et al. 2020, the corollary: the theorem with I(X1; Y | X2) = I(X2; Y | X1) = I(X1; X2 | Z) = 0.

    The other side, I(Z; Y) <= I(X1, X2; Y), is data processing.
    """
    redundancy = ["I(X1; Y | X2) = 0", "I(X2; Y | X1) = 0", "I(X1; X2 | Z) = 0"]
    corollary = "I(Z; Y) = I(X1, X2; Y)"
    assert_proved(TWO_VIEWS, corollary, assumptions=redundancy, any_variables=True)
    assert_false_without_each(TWO_VIEWS, corollary, assumptions=redundancy)


def test_with_the_multiview_assumption_it_keeps_all_but_two_eps() -> None:
    """Review, section 4, with the theorem of Federici et al.: both conditional informations are at most eps."""
    statement = "I(Z; Y) >= I(X1, X2; Y) - 2*eps - I(X1; X2 | Z)"
    halves = ["I(Y; X1 | X2) <= eps", "I(Y; X2 | X1) <= eps"]
    assert_proved(TWO_VIEWS, statement, assumptions=halves, any_variables=True)
    assert_proved(
        TWO_VIEWS,
        statement,
        assumptions=["multiview(X1, X2, Y)"],
        uses=[f"multiview(X1, X2, Y): {half}" for half in halves],
        any_variables=True,
    )
    assert_false_without_each(TWO_VIEWS, statement, assumptions=halves)


def test_a_minimal_sufficient_code_keeps_what_the_views_share_and_nothing_else() -> None:
    """Federici et al. 2020: sufficient, I(X1; X2 | Z) = 0, and minimal, I(X1; Z | X2) = 0.

    I(X1; Z) = I(X1; Z | X2) + I(X2; Z), the first zero; and I(X2; Z) = I(X1; X2) - I(X1; X2 | Z). Sufficiency alone
    gives I(X2; Z) = I(X1; X2), and with it any other sufficient code has at least as much of its view.
    """
    sufficient, minimal = "I(X1; X2 | Z) = 0", "I(X1; Z | X2) = 0"
    keeps = "I(X1; Z) = I(X1; X2)"
    assert_proved(TWO_VIEWS, keeps, assumptions=[sufficient, minimal], any_variables=True)
    assert_proved(
        TWO_VIEWS, "I(X2; Z) = I(X1; X2)", assumptions=[sufficient, minimal], uses=[sufficient], any_variables=True
    )
    assert_proved(TWO_VIEWS, "I(X1; Z) >= I(X1; X2)", assumptions=[sufficient], any_variables=True)
    assert_false_without_each(TWO_VIEWS, keeps, assumptions=[sufficient, minimal])


# ---- sufficient and minimal codes where the views do not share all ---------------------------------------------------


def test_tsai_what_self_supervision_keeps_of_the_label() -> None:
    """Tsai et al. 2021: I(X1; Y) >= I(Z; Y) >= I(M; Y) >= I(X1; Y) - eps, with I(X1; Y | X2) <= eps.

    It is their theorem on task-relevant information with a potential loss. Z is sufficient for the other view X2, M is
    minimal: a function of Z, and sufficient too, I(X1; X2 | M) = 0. Then
    I(X1; Y) - I(M; Y) = I(X1; Y | M) <= I(X1; X2, Y | M) = I(X1; X2 | M) + I(X1; Y | M, X2), and as M is made of X1
    the last is at most I(X1; Y | X2). The first two inequalities are data processing. That the encoders are functions
    is not used.
    """
    graph = """
    data    X1: image, X2: image, Y: label partial
    encoder f: X1 -> Z = backbone()
    encoder g: Z -> M = mlp(8)
    """
    sufficient, shared = "I(X1; X2 | M) = 0", "I(Y; X1 | X2) <= eps"
    lost = "I(M; Y) >= I(X1; Y) - eps"
    assert_proved(graph, "I(X1; Y) >= I(Z; Y)", "I(Z; Y) >= I(M; Y)", any_variables=True)
    assert_proved(graph, lost, assumptions=[sufficient, shared], any_variables=True)
    # Where the multiview assumption fails there is no such bound on what is lost, nor is there without sufficiency.
    assert_false_without_each(graph, lost, assumptions=[sufficient, shared])


def test_tsai_the_loss_is_at_most_by_how_much_the_views_fail_to_share() -> None:
    """The same with I(X1; Y | X2) itself in the place of eps: it needs no multiview assumption."""
    sufficient = "sufficient(Z, X2)"
    lost = "I(X1; Y) - I(Z; Y) <= I(X1; Y | X2)"
    assert_proved(TWO_VIEWS, lost, assumptions=[sufficient], any_variables=True)
    assert_false_without_each(TWO_VIEWS, lost, assumptions=[sufficient])


def test_wang_a_minimal_code_tells_no_more_of_the_label_than_any_sufficient_one() -> None:
    """Wang et al. 2022, theorem 1: I(M; Y) <= I(Z; Y), Z sufficient, I(X1; X2 | Z) = 0, M minimal, I(X1; M | X2) = 0.

    I(M; Y | Z) <= I(M; X2, Y | Z) = I(M; X2 | Z) + I(M; Y | X2, Z). The first is at most I(X1; X2 | Z) = 0, the
    second at most I(M; Z, Y | X2) <= I(M; X1 | X2) = 0, as M sees X1 alone. So
    I(M; Y) <= I(M, Z; Y) = I(Z; Y) + I(M; Y | Z) = I(Z; Y).
    """
    sufficient, minimal = "I(X1; X2 | Z) = 0", "I(X1; M | X2) = 0"
    theorem = "I(M; Y) <= I(Z; Y)"
    assert_proved(TWO_CODES, theorem, assumptions=[sufficient, minimal], any_variables=True)
    assert_false_without_each(TWO_CODES, theorem, assumptions=[sufficient, minimal])


def test_wang_a_minimal_code_has_nothing_of_what_the_views_do_not_share() -> None:
    """Wang et al. 2022: I(M; Y | X2) = 0, so that what only X1 tells of Y, I(X1; Y | X2), is lost.

    I(M; Y | X2) <= I(M; X1 | X2) = 0. With I(X1; X2 | M) = 0, too, what M lacks is
    I(X1; Y | M) = I(X1; Y | X2) - I(X1; X2 | M, Y): expand I(X1; X2, Y | M) both ways.
    """
    sufficient, minimal = "I(X1; X2 | M) = 0", "I(X1; M | X2) = 0"
    assert_proved(TWO_CODES, "I(M; Y | X2) = 0", "I(M; Y) <= I(X2; Y)", assumptions=[minimal], any_variables=True)
    assert_false_without_each(TWO_CODES, "I(M; Y | X2) = 0", assumptions=[minimal])
    lacks = "I(X1; Y | M) = I(X1; Y | X2) - I(X1; X2 | M, Y)"
    assert_proved(TWO_CODES, lacks, assumptions=[sufficient, minimal], any_variables=True)
    assert_false_without_each(TWO_CODES, lacks, assumptions=[sufficient, minimal])


def test_wang_with_the_multiview_assumption_a_minimal_code_is_as_good_up_to_eps() -> None:
    """Wang et al. 2022: I(Z; Y) - I(M; Y) <= I(X1; Y) - I(M; Y) <= I(X1; Y | X2) <= eps, as for Tsai.

    Dropped, a sufficient code may tell more by any amount.
    """
    sufficient, shared = "I(X1; X2 | M) = 0", "I(Y; X1 | X2) <= eps"
    statement = "I(Z; Y) - I(M; Y) <= eps"
    assert_proved(TWO_CODES, statement, assumptions=[sufficient, shared], any_variables=True)
    assert_false_without_each(TWO_CODES, statement, assumptions=[sufficient, shared])


def test_what_reconstructs_its_view_loses_little_even_of_what_is_not_shared() -> None:
    """Wang et al. 2022, why reconstruction helps: I(X1; Y) - I(Z; Y) = I(X1; Y | Z) <= H(X1 | Z).

    The last takes H(X1 | Z, Y) for non-negative: for discrete or quantised variables.
    """
    assert_proved(TWO_VIEWS, "I(X1; Y) - I(Z; Y) <= H(X1 | Z)", any_variables=False)


# ---- joint embedding -------------------------------------------------------------------------------------------------


def test_for_deterministic_encoders_superfluous_information_is_conditional_entropy() -> None:
    """Review, section 4 (Tsai et al. 2021): I(X1; Z1 | X2) = H(Z1 | X2) - H(Z1 | X1, X2), the last zero for a function.

    Of a continuous code that zero is minus infinity: for discrete or quantised variables only.
    """
    assert_proved(
        DETERMINISTIC, "I(X[1]; Z[1] | X[2]) = H(Z[1] | X[2])", "I(X[1]; Z[1]) = H(Z[1])", any_variables=False
    )


def test_codes_share_no_more_than_their_views() -> None:
    """Review, section 4: I(Z1; Z2) <= I(Z1; X2) <= I(X1; X2), data processing twice, for any kind of encoder."""
    for graph in (DETERMINISTIC, STOCHASTIC):
        assert_proved(
            graph,
            "I(Z[1]; Z[2]) <= I(Z[1]; X[2])",
            "I(Z[1]; X[2]) <= I(X[1]; X[2])",
            "I(Z[1]; Z[2]) <= I(X[1]; X[2])",
            "I(Z[1]; Z[2]) <= I(X[1]; Z[1])",
            any_variables=True,
        )


def test_the_chain_of_bounds_of_equation_7() -> None:
    """Review, equation 7: I(X1; X2) >= I(X1; Z2) >= I(Z1; Z2) = H(Z1) - H(Z1 | Z2) >= H(Z1) + E log q(z1 | z2).

    The first are data processing, the equality is the definition, which no proof needs more for than both being the
    same joint entropies. The cross-entropy ce = - E log q(z1 | z2) is no entropy: all that is known is that it is at
    least H(Z1 | Z2). A claim that speaks of it weighs H(Z1) alone, and is not balanced: the verdict is the cautious
    one.
    """
    for graph in (DETERMINISTIC, STOCHASTIC):
        assert_proved(
            graph,
            "I(X[1]; X[2]) >= I(X[1]; Z[2])",
            "I(X[1]; Z[2]) >= I(Z[1]; Z[2])",
            "I(Z[1]; Z[2]) = H(Z[1]) - H(Z[1] | Z[2])",
            any_variables=True,
        )
        bound = "H(Z[1] | Z[2]) <= ce"
        assert_proved(
            graph,
            "I(Z[1]; Z[2]) >= H(Z[1]) - ce",
            "I(X[1]; X[2]) >= H(Z[1]) - ce",
            assumptions=[bound],
            any_variables=False,
        )
        assert_false_without_each(graph, "I(Z[1]; Z[2]) >= H(Z[1]) - ce", assumptions=[bound])


# ---- more than two views ---------------------------------------------------------------------------------------------


def many_views(num: int) -> tuple[str, str, str]:
    """The graph, all views but the first, and all views."""
    graph = f"""
    data    X: image, Y: label partial
    view    X[i: 1..{num}] ~ augment(X)
    encoder e: X[i] ~> Z[i] = gaussian(backbone(), dim: 4)
    """
    others = ", ".join(f"X[{k}]" for k in range(2, num + 1))
    return graph, others, f"X[1], {others}"


@pytest.mark.parametrize("num", [3, 4, 5])
def test_the_theorem_of_federici_for_many_views(num: int) -> None:
    """Federici's theorem and its corollaries, with all other views in the place of X2, as one joint variable."""
    graph, others, views = many_views(num)
    theorem = f"I(Z[1]; Y) >= I({views}; Y) - I(X[1]; {others} | Z[1]) - I(X[1]; Y | {others}) - I({others}; Y | X[1])"
    assert_proved(graph, theorem, any_variables=True)
    redundancy = [f"I(X[1]; Y | {others}) = 0", f"I({others}; Y | X[1]) = 0", f"I(X[1]; {others} | Z[1]) = 0"]
    assert_proved(graph, f"I(Z[1]; Y) = I({views}; Y)", assumptions=redundancy, any_variables=True)
    minimal = [f"I(X[1]; {others} | Z[1]) = 0", f"I(X[1]; Z[1] | {others}) = 0"]
    assert_proved(graph, f"I(X[1]; Z[1]) = I(X[1]; {others})", assumptions=minimal, any_variables=True)


@pytest.mark.parametrize("num", [3, 4, 5])
def test_the_multiview_assumption_for_many_views(num: int) -> None:
    """Review, sections 4 and 6: each view tells of the label all but eps, I(Y; others | view) <= eps, for each view.

    That of the first view bounds I(others; Y | X1) by eps; that of any other view bounds I(X1; Y | others), since
    I(Y; X1, rest | X2) = I(Y; rest | X2) + I(Y; X1 | X2, rest). Two of the assumptions are enough, the first among
    them.
    """
    graph, others, views = many_views(num)
    assumption = f"multiview({views}, Y)"
    claim = f"I(Z[1]; Y) >= I({views}; Y) - 2*eps - I(X[1]; {others} | Z[1])"
    (verdict,) = judge(graph, [claim], [assumption])
    assert verdict.status is Status.PROVED
    assert verdict.holds_for_any_variables
    for proof in verdict.proofs:
        assert_certificate(proof, proof.claim)
    used = [fact.text for fact in verdict.used_assumptions]
    assert len(used) == 2
    assert f"{assumption}: I(Y; {others} | X[1]) <= eps" in used


@pytest.mark.parametrize("num", [3, 4, 5])
def test_codes_of_many_views_share_no_more_than_the_views(num: int) -> None:
    """Review, section 6, which maximises I(Z1; ...; Zn): TC(Z1; ...; Zn) <= TC(X1; ...; Xn), one view after the other.

    With Z1 in the place of X1 it changes by I(Z1; rest) - I(X1; rest), data processing. All at once speaks of 2n
    variables, which is too many from five views on; one view at a time is the same theorem.
    """
    graph, others, _ = many_views(num)
    codes = others.replace("X", "Z")
    assert_proved(graph, f"I(Z[1]; {codes}) <= I(X[1]; {others})", any_variables=True)
    mixed = ["; ".join([f"Z[{k}]" if k <= done else f"X[{k}]" for k in range(1, num + 1)]) for done in range(num + 1)]
    steps = [f"TC({after}) <= TC({before})" for before, after in pairwise(mixed)]
    assert_proved(graph, *steps, any_variables=True)
    if num <= 4:
        assert_proved(graph, f"TC({mixed[-1]}) <= TC({mixed[0]})", any_variables=True)
