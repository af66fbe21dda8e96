import json

import pytest

from mvib.cli.main import main


def test_two_methods_in_words(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "mvib", "simclr"]) == 0
    out = capsys.readouterr().out
    assert out.startswith("MVIB optimises all that SimCLR does, and adds compression of I(Z1; X1 | X2).\n")
    for level in ("graph", "quantities", "estimators", "assumptions", "roles"):
        assert f"\n\n{level}\n" in out
    assert "only MVIB  compress I(Z1; X1 | X2)" in out
    assert main(["diff", "simclr", "barlow_twins"]) == 0
    words = "SimCLR and BarlowTwins optimise the same information, I(Z1; Z2), by different estimators.\n"
    assert capsys.readouterr().out.startswith(words)


def test_what_was_proved_is_printed_with_its_scope(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "ceb", "vib"]) == 0
    out = capsys.readouterr().out
    assert "  on the graph of CEB, for any variables:\n    I(X; Z | Y) = I(Z; X) - I(Z; Y)\n" in out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "mvib", "simclr", "--format", "json"]) == 0
    record = json.loads(capsys.readouterr().out)
    assert list(record) == [
        "first", "second", "verdict", "words", "levels", "adds", "proved", "bounds", "roles",
    ]  # fmt: skip
    assert record["verdict"] == "first_adds"
    assert record["adds"] == [{"kind": "compression", "quantity": "I(Z1; X1 | X2)", "terms": ["superfluous"]}]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["simclr"], "it takes two methods"),
        (["simclr", "mvib", "--format", "svg"], "svg is for --all"),
        (["simclr", "--all"], "takes no methods"),
        (["--all", "--format", "json"], "with --all there is"),
        (["simclr", "vicregg"], "did you mean `vicreg`?"),
    ],
)
def test_wrong_usage(arguments: list[str], message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", *arguments]) == 2
    assert message in capsys.readouterr().err


def test_what_is_the_same_says_where_to_look_for_what_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["diff", "vae", "beta_vae"]) == 0
    assert "What may differ are modules and parameters." in " ".join(capsys.readouterr().out.split())
    assert main(["diff", "simclr", "cpc"]) == 0
    assert "What may differ are the graphs." in " ".join(capsys.readouterr().out.split())
