import json
from pathlib import Path

import pytest

from mvib.cli.main import main

SPECS = Path(__file__).parent / "specs"


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_show(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(SPECS / "vae.mvib")]) == 0
    captured = capsys.readouterr()
    assert "minimise  L = beta * I(X; Z) + H_d(X | Z)" in captured.out
    assert captured.out.endswith("\n")


def test_show_with_a_setting_from_outside(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["show", str(SPECS / "vae.mvib"), "--set", "beta=0.5", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["parameters"] == {"beta": "0.5"}


def test_render_writes_beside_nothing_else(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(SPECS / "vae.mvib")]) == 0
    assert capsys.readouterr().out == "wrote vae.svg\n"
    assert [path.name for path in inside.iterdir()] == ["vae.svg"]


@pytest.mark.usefixtures("inside")
def test_render_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(SPECS / "vae.mvib"), "-o", "-", "--format", "dot"]) == 0
    assert capsys.readouterr().out.startswith('digraph "VAE" {')


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["-o", "x.gif"], "the ending of `x.gif` names no format of a diagram; there are .svg, .png"),
        (["-o", "-"], "-o - needs --format, one of svg, png, pdf, dot, tex, mmd"),
        (["-o", "nowhere/x.svg"], "there is no folder `nowhere`"),
        (["--format", "gif"], "'gif' is not one of"),
    ],
)
def test_wrong_usage(options: list[str], message: str, inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["render", str(SPECS / "vae.mvib"), *options]) == 2
    assert message in capsys.readouterr().err
    assert list(inside.iterdir()) == []


def test_a_wrong_spec_draws_nothing(inside: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = inside / "wrong.mvib"
    path.write_text("method A\ndata X: image\nencoder f: X -> Z = mpl(8)\nmaximize H(Z) by mse()\n", encoding="utf-8")
    assert main(["render", str(path)]) == 1
    assert "unknown-module" in capsys.readouterr().err
    assert [p.name for p in inside.iterdir()] == ["wrong.mvib"]
