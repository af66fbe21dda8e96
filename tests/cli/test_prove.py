"""`mvib prove`: verdicts, derivations and exit codes as a user sees them."""

import json
from pathlib import Path

import pytest

from mvib.cli.main import main

CHAIN = """method M
data    A: vector, B: vector, C: vector
encoder f: A -> Z = mlp(8)
decoder q: Z ~> B = gaussian(mlp(8))
minimize H(B | Z) by q
assume  A -- B -- C
claim   I(A; C) <= I(A; B)
represent Z
"""


@pytest.fixture
def chain(tmp_path: Path) -> str:
    path = tmp_path / "chain.mvib"
    path.write_text(CHAIN, encoding="utf-8")
    return str(path)


def run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = main(["prove", *arguments])
    return code, capsys.readouterr().out


def test_derivation_of_data_processing(chain: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, chain, "--proof")
    assert code == 0
    assert out.splitlines() == [
        "proved      I(A; C) <= I(A; B)",
        "            for any variables, where all quantities are finite",
        "            by `A -- B -- C`",
        "",
        "    (1) I(A; C | B) = 0      assumed: A -- B -- C",
        "    (2) I(A; B) >= I(A; C)   data processing, by (1)",
        "    Together these are the claim.",
        "    In joint entropies both are H(A, C) + H(B) - H(A, B) - H(C).",
    ]


def test_false_claim_has_numbers_and_code_one(chain: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, chain, "I(A; C) >= I(A; B)", "--format", "json")
    (found,) = json.loads(out)
    assert code == 1
    assert found["status"] == "false"
    assert found["numbers"]["I(A; C)"] < found["numbers"]["I(A; B)"]
    assert ["A -- C -- B"] in found["remedies"]


def test_relation_given_replaces_the_claims(chain: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, chain, "H(A | C) = H(A) - I(A; C)")
    assert code == 0
    assert "I(A; B)" not in out


@pytest.mark.parametrize("relation", ["I(A; C", "I(A; Q) <= 1", "I(A; C) <= I(A; B) represent Z"])
def test_wrong_relation_is_shown_at_its_place(chain: str, relation: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["prove", chain, relation]) == 1
    error = capsys.readouterr().err
    assert "--> claim:1:" in error
    assert "help:" in error


def test_spec_with_a_wrong_claim_can_be_asked_another(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "wrong.mvib"
    path.write_text(CHAIN.replace("I(A; C) <= I(A; B)", "I(A; C) >= I(A; B)"), encoding="utf-8")
    assert main(["check", str(path)]) == 1
    assert "is false" in capsys.readouterr().out
    assert run(capsys, str(path), "I(A; C) <= I(B; C)")[0] == 0


def test_functions_are_for_discrete_variables_only(capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, "simclr", "I(X[1]; Z[1] | X[2]) = H(Z[1] | X[2])", "--proof")
    assert code == 0
    assert "for discrete or quantised variables only" in out
    assert "Z[1] is a function of" in out


def test_latex_of_a_proof(chain: str, capsys: pytest.CaptureFixture[str]) -> None:
    code, out = run(capsys, chain, "--format", "latex")
    assert code == 0
    assert r"I(A; B) \ge I(A; C)" in out
    assert out.count(r"\begin{align*}") == out.count(r"\end{align*}") == 1


def test_spec_without_claims(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "none.mvib"
    path.write_text(CHAIN.replace("claim   I(A; C) <= I(A; B)\n", ""), encoding="utf-8")
    code, out = run(capsys, str(path))
    assert code == 0
    assert "no claims" in out
