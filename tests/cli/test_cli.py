"""The command line as a user meets it: what is printed, where, and with which exit code."""

import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import mvib
from mvib.cli.main import VERBS, main

GOOD = "method A\ndata X: image\nencoder f: X -> Z = backbone()\nmaximize H(Z) by variance_covariance\n"
BAD = "method A\ndata X: image\nencoder f: X -> Z = backbon()\nmaximize H(Q) by variance_covariance\n"


@pytest.fixture
def bad(tmp_path: Path) -> Path:
    path = tmp_path / "bad.mvib"
    path.write_text(BAD, encoding="utf-8")
    return path


def test_check_of_a_sound_spec(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "vicreg"]) == 0
    assert capsys.readouterr().out == "1 spec checked: nothing wrong; 2 claims proved\n"


def test_check_reports_every_mistake_and_exits_with_1(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(bad)]) == 1
    out = capsys.readouterr().out
    assert "error[unknown-module]: unknown module `backbon`" in out
    assert "error[undefined-variable]: there is no variable `Q`" in out
    assert "1 spec checked: 2 errors" in out
    assert "Traceback" not in out


def test_check_as_json(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(bad), "--format", "json"]) == 1
    found = json.loads(capsys.readouterr().out)
    assert [(d["slug"], d["line"]) for d in found] == [("unknown-module", 3), ("undefined-variable", 4)]


def test_check_as_sarif(bad: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", str(bad), "--format", "sarif"]) == 1
    log = json.loads(capsys.readouterr().out)
    assert log["version"] == "2.1.0"
    assert [result["ruleId"] for result in log["runs"][0]["results"]] == ["unknown-module", "undefined-variable"]


def test_check_reads_standard_input(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(BAD))
    assert main(["check", "-", "--format", "concise"]) == 1
    assert capsys.readouterr().out.startswith("<stdin>:3:21: error[unknown-module]")


def test_a_missing_spec_is_wrong_usage_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "vicregg"]) == 2
    assert capsys.readouterr().err == "error: there is no spec `vicregg`; did you mean `vicreg`?\n"


def test_a_file_that_is_no_text_is_wrong_usage(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "x.mvib"
    path.write_bytes(b"\xff\xfe\x00")
    assert main(["check", str(path)]) == 2
    assert "the file is not UTF-8 text" in capsys.readouterr().err


def test_a_misspelt_verb_is_wrong_usage_with_a_suggestion(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["chek", "vicreg"]) == 2
    assert "there is no verb `chek`; did you mean `check`?" in capsys.readouterr().err


def test_a_report_of_no_run_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["report", "runs/there-is-none"]) == 2
    assert capsys.readouterr().err.startswith("error: there is no run folder `")


def test_settings_from_outside(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "vicreg", "--set", "variance=25", "--set", "train.batch=512"]) == 0
    assert main(["check", "vicreg", "--set", "varianc=25"]) == 1
    assert "did you mean `variance`?" in capsys.readouterr().out
    assert main(["check", "vicreg", "--set", "variance"]) == 2
    assert "--set takes NAME=VALUE" in capsys.readouterr().err


def test_an_unknown_plugin_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["check", "vicreg", "--plugin", "nothing"]) == 2
    assert "no plug-in `nothing` is installed" in capsys.readouterr().err


def test_every_verb_has_help(capsys: pytest.CaptureFixture[str]) -> None:
    for verb in VERBS:
        assert main([verb, "--help"]) == 0
        assert "Usage:" in capsys.readouterr().out


def test_fmt_rewrites_once_and_then_agrees(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "a.mvib"
    path.write_text("method   A # mine\n\n\n\ndata X:image\nencoder f:X->Z=backbone()\nrepresent Z\n", encoding="utf-8")
    assert main(["fmt", "--check", str(path)]) == 1
    assert main(["fmt", str(path)]) == 0
    assert main(["fmt", "--check", str(path)]) == 0
    assert "# mine" in path.read_text(encoding="utf-8")
    assert capsys.readouterr().out.count("rewritten") == 1


def test_bundled_specs_are_in_the_canonical_layout() -> None:
    from mvib.resources import bundled_specs  # noqa: PLC0415

    assert main(["fmt", "--check", *map(str, bundled_specs().values())]) == 0


@pytest.mark.parametrize("kind", ["methods", "estimators", "modules", "data", "methods,estimators"])
def test_list(kind: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", kind, "--format", "json"]) == 0
    tables = json.loads(capsys.readouterr().out)
    assert list(tables) == kind.split(",")
    assert all(row["name"] and row["about"] for rows in tables.values() for row in rows)


def test_list_of_something_else_is_wrong_usage(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["list", "models"]) == 2
    assert "there is no list of `models`" in capsys.readouterr().err


def test_explain_an_estimator_says_bound_saturation_and_source(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "infonce"]) == 0
    out = capsys.readouterr().out
    for words in ("bound: lower bound", "saturates at: log(2N - 1)", "units: nats", "source: van den Oord"):
        assert words in out


def test_explain_a_diagnostic(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "ambiguous-path"]) == 0
    assert "path" in capsys.readouterr().out


def test_explain_something_unknown(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "infonse"]) == 2
    assert "did you mean `infonce`?" in capsys.readouterr().err


def test_explain_a_method_and_as_json(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["explain", "vicreg"]) == 0
    assert "Bardes, Ponce, LeCun" in capsys.readouterr().out
    for name, kind in (("infonce", "estimator"), ("wrong-bound-direction", "diagnostic"), ("vicreg", "method")):
        assert main(["explain", name, "--format", "json"]) == 0
        (found,) = json.loads(capsys.readouterr().out)
        assert (found["name"], found["kind"]) == (name, kind)
        assert found["about"]


def test_fmt_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "a.mvib"
    file.write_text("method  A\ndata X:image\n")
    assert main(["fmt", "--check", str(file), "--format", "json"]) == 1
    assert json.loads(capsys.readouterr().out) == [{"file": str(file), "state": "not in the canonical layout"}]
    assert main(["fmt", str(file), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "rewritten"
    assert main(["fmt", str(file), "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)[0]["state"] == "in the canonical layout"


def test_the_version_is_that_of_the_program(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"mvib {mvib.__version__}\n"


def test_estimate_from_arrays_on_disk(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    generator = np.random.default_rng(0)
    x = generator.standard_normal((64, 4))
    np.save(tmp_path / "x.npy", x)
    np.save(tmp_path / "y.npy", x + 0.1 * generator.standard_normal((64, 4)))
    arguments = ["--x", str(tmp_path / "x.npy"), "--y", str(tmp_path / "y.npy"), "--set", "temperature=0.1"]
    assert main(["estimate", "infonce", *arguments, "--format", "json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert 0 < result["value"] <= np.log(127)
    # Negatives of both views: a bound only once something is taken off.
    assert result["bound"] == "surrogate"
    assert result["remarks"] == ["less log(2 - 1/N), N the number of rows, it is a lower bound"]
    assert main(["estimate", "infonce", *arguments, "--set", "negatives=other_view", "--format", "json"]) == 0
    assert json.loads(capsys.readouterr().out)["bound"] == "lower bound"


def test_estimate_refuses_pickles(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    np.save(tmp_path / "x.npy", np.array([{}], dtype=object), allow_pickle=True)
    assert main(["estimate", "mse", "--x", str(tmp_path / "x.npy")]) == 2
    assert "holds no array of numbers" in capsys.readouterr().err


def test_compile_prints_networks_and_shapes(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "byol", "--format", "json"]) == 0
    summary = json.loads(capsys.readouterr().out)
    by_name = {network["name"]: network for network in summary["networks"]}
    assert by_name["ft"]["gradient"] == "momentum"
    assert by_name["ft"]["parameters"] == by_name["f"]["parameters"] > 0
    assert summary["variables"]["Z[1]"] == "256"


def test_compile_has_the_code(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["compile", "vib", "--format", "json"]) == 0
    code = json.loads(capsys.readouterr().out)["code"]
    assert main(["compile", "vib", "--emit", "python"]) == 0
    assert capsys.readouterr().out == code


def test_check_render_and_show_start_without_torch() -> None:
    for arguments in (
        ["check", "vicreg"],
        ["show", "vicreg"],
        ["render", "vicreg", "-o", "/dev/null", "--format", "dot"],
    ):
        run = subprocess.run(
            [sys.executable, "-X", "importtime", "-m", "mvib", *arguments], capture_output=True, text=True, check=False
        )
        imported = {
            line.rpartition("|")[2].strip() for line in run.stderr.splitlines() if line.startswith("import time")
        }
        assert "mvib.driver" in imported
        assert not {name for name in imported if name.partition(".")[0] == "torch"}, arguments
