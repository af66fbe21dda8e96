import json

import pytest

from mvib.cli.main import main


def test_what_goes_up_along_one_path_and_down_along_another_is_marked(capsys: pytest.CaptureFixture[str]) -> None:
    # The review's unsupervised bottleneck: I_enc(X; Z) is paid for, I_dec(Z; X) is wanted.
    assert main(["show", "vae"]) == 0
    assert "  max I_d(Z; X) - beta * I_e(X; Z)\n" in capsys.readouterr().out
    assert main(["show", "vae", "--format", "latex"]) == 0
    assert r"\max\ I_{d}(Z; X) - {\beta} \, I_{e}(X; Z)" in capsys.readouterr().out


def test_canonical_form_says_what_it_is_made_of(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "vicreg", "--format", "json"]) == 0
    (goal,) = json.loads(capsys.readouterr().out)["canonical"]["goals"]
    assert goal["quantity"] == "I(Z₁; Z₂)"
    assert goal["terms"] == ["entropy", "predict"]
    assert "equation 7" in goal["why"]


def test_verdicts_of_claims(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", "mvib"]) == 0
    out = capsys.readouterr().out
    assert "    proved for any variables, assuming multiview(X[1], X[2], Y): I(Y; X[1] | X[2]) <= eps" in out
    assert main(["show", "review/deterministic_encoders"]) == 0
    assert "    proved for discrete or quantised variables\n" in capsys.readouterr().out
