import re
import shlex
import shutil
from pathlib import Path

import pytest

import mvib
from mvib.cli.main import main
from mvib.diagnostics import render_concise
from mvib.render import objective_text
from mvib.render.image import find_bundled_program
from mvib.source import SourceFile
from mvib.syntax.parser import parse_source

ROOT = Path(__file__).parents[1]
PAGES = ("README.md", "grammar/README.md")


def _fenced(page: str, language: str) -> list[str]:
    text = (ROOT / page).read_text(encoding="utf-8")
    return re.findall(rf"^```{language}\n(.*?)^```", text, flags=re.MULTILINE | re.DOTALL)


def _commands() -> list[list[str]]:
    """Program and arguments of each line after a `$`, with `.venv/bin/mvib` as `mvib`."""
    lines = [line for block in _fenced("README.md", "console") for line in block.splitlines()]
    words = [shlex.split(line.removeprefix("$ ")) for line in lines if line.startswith("$ ")]
    return [[Path(program).name, *arguments] for program, *arguments in words]


SPECS = [pytest.param(text, id=f"{page}-{index}") for page in PAGES for index, text in enumerate(_fenced(page, "mvib"))]


@pytest.mark.parametrize("text", SPECS)
def test_every_spec_shown_parses(text: str) -> None:
    assert render_concise(parse_source(SourceFile("README", text)).diagnostics) == ""


def test_the_readme_shows_a_spec_and_its_commands() -> None:
    assert _fenced("README.md", "mvib")
    assert {("make", "demo"), ("make", "test")} <= {tuple(command) for command in _commands()}


def test_every_make_target_shown_exists() -> None:
    targets = re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(encoding="utf-8"), flags=re.MULTILINE)
    shown = {target for program, target, *_ in _commands() if program == "make"}
    assert shown
    assert shown <= set(targets)


def test_what_is_shown_works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The Python, which writes what some commands read, and the commands; training is cut to one epoch, for time."""
    monkeypatch.chdir(tmp_path)
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    for text in _fenced("README.md", "python"):
        exec(compile(text, "README.md", "exec"), {})
    seen = set()
    for program, *arguments in _commands():
        if program != "mvib" or tuple(arguments) in seen:
            continue
        seen.add(tuple(arguments))
        if arguments[0] == "train":
            arguments = [*arguments, "--set", "train.epochs=1"]
        assert main(arguments) == 0, arguments


def test_the_measurement_shown_is_the_one_printed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    exec(next(text for text in _fenced("README.md", "python") if "np.save" in text), {})
    (block,) = (block for block in _fenced("README.md", "console") if "mvib estimate" in block)
    command, *shown = block.splitlines()
    assert main(command.split()[2:]) == 0
    assert capsys.readouterr().out.splitlines() == shown


def test_the_equation_shown_is_the_one_printed() -> None:
    shown = _fenced("README.md", "text")[0].strip()
    assert shown == objective_text(mvib.load("simclr").method)


def test_the_picture_shown_is_the_one_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    # By the bundled program, which draws the same everywhere; a system's `dot` has fonts of its own.
    bundled = find_bundled_program()
    assert bundled is not None
    monkeypatch.setattr("mvib.render.image.shutil.which", lambda name, path=None: None if name == "dot" else bundled)
    assert (ROOT / "docs" / "simclr.svg").read_text(encoding="utf-8") == mvib.load("simclr").render()
