import shutil
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest

from mvib.driver import Analysis
from mvib.render import LayoutError, image, render_content, render_dot, render_file, render_svg

AnalyseText = Callable[[str], Analysis]

SVG = "{http://www.w3.org/2000/svg}"


@pytest.fixture
def no_system_dot(monkeypatch: pytest.MonkeyPatch) -> None:
    real = shutil.which

    def which(name: str, path: str | None = None) -> str | None:
        return None if name == "dot" else real(name, path=path)

    monkeypatch.setattr(shutil, "which", which)


@pytest.mark.parametrize("spec", ["byol", "mvib", "names"])
def test_svg_is_well_formed_and_inert(spec: str, analyse_spec: AnalyseText) -> None:
    root = ElementTree.fromstring(render_svg(analyse_spec(spec)))
    assert root.tag == f"{SVG}svg"
    assert not list(root.iter(f"{SVG}script"))
    assert not list(root.iter(f"{SVG}a"))
    assert not [name for element in root.iter() for name in element.attrib if "href" in name or name.startswith("on")]


@pytest.mark.usefixtures("no_system_dot")
def test_each_subscript_is_a_text_that_lies_lower(analyse_spec: AnalyseText) -> None:
    root = ElementTree.fromstring(render_svg(analyse_spec("simclr")))
    for name in ("X[1]", "X[2]", "R[1]", "Z[2]"):
        (group,) = [g for g in root.iter(f"{SVG}g") if g.findtext(f"{SVG}title") == name]
        base, _, below = group.iter(f"{SVG}text")
        assert (base.text, below.text) == (name[0], name[2])
        assert float(below.attrib["y"]) > float(base.attrib["y"]) + 1
        assert float(below.attrib["font-size"]) < float(base.attrib["font-size"])
    assert "baseline-shift" not in ElementTree.tostring(root, encoding="unicode")


def test_png(analyse_spec: AnalyseText) -> None:
    content = render_content(analyse_spec("vae"), "png")
    assert content.startswith(b"\x89PNG\r\n\x1a\n")
    assert content.endswith(b"IEND\xaeB`\x82")


def test_the_same_spec_gives_the_same_bytes(analyse_spec: AnalyseText) -> None:
    assert render_svg(analyse_spec("vib")) == render_svg(analyse_spec("vib"))


@pytest.mark.usefixtures("no_system_dot")
def test_pdf_without_the_system_program_holds_an_image(analyse_spec: AnalyseText) -> None:
    content = render_content(analyse_spec("vae"), "pdf")
    assert content.startswith(b"%PDF-")
    assert content.rstrip().endswith(b"%%EOF")
    assert content.count(b"/Subtype /Image") == 1
    assert content == render_content(analyse_spec("vae"), "pdf")
    assert not image.draws_vectors("pdf")


def test_no_program(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda name, path=None: None)
    with pytest.raises(LayoutError, match="install the Python package graphviz-pure"):
        image.render_image("digraph {}", "svg")


def test_unknown_format() -> None:
    with pytest.raises(ValueError, match="`gif` is no image format"):
        image.render_image("digraph {}", "gif")


@pytest.mark.usefixtures("no_system_dot")
def test_a_program_that_fails() -> None:
    with pytest.raises(LayoutError, match=r"graphviz-pure` failed: .*syntax error"):
        image.render_image("digraph { a -> ", "svg")


def test_a_program_that_hangs(monkeypatch: pytest.MonkeyPatch) -> None:
    def hang(arguments: Sequence[str], **options: Any) -> None:
        raise subprocess.TimeoutExpired(list(arguments), options["timeout"])

    monkeypatch.setattr(subprocess, "run", hang)
    with pytest.raises(LayoutError, match="took longer than 60 s"):
        image.render_image("digraph {}", "svg")


@pytest.mark.parametrize("ending", ["svg", "png", "dot", "tex", "mmd"])
def test_files_by_ending(ending: str, analyse_spec: AnalyseText, tmp_path: Path) -> None:
    path = tmp_path / f"diagram.{ending}"
    render_file(analyse_spec("vae"), path)
    assert path.stat().st_size > 500
    assert list(tmp_path.iterdir()) == [path]


def test_a_file_is_written_whole_or_not_at_all(
    analyse_spec: AnalyseText, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "diagram.dot"
    path.write_text("before", encoding="utf-8")

    def full(self: Path, target: Path) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(Path, "replace", full)
    with pytest.raises(OSError, match="No space left"):
        render_file(analyse_spec("vae"), path)
    assert [p.read_text(encoding="utf-8") for p in tmp_path.iterdir()] == ["before"]


def test_an_ending_that_names_no_format(analyse_spec: AnalyseText, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=r"`x\.gif` names no format of a diagram"):
        render_file(analyse_spec("vae"), tmp_path / "x.gif")


def test_importing_is_light() -> None:
    code = "import mvib.render, sys; print(sorted({'torch', 'rich', 'graphviz', 'numpy'} & set(sys.modules)))"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert result.stdout == "[]\n"


def test_dot_text_reaches_the_program_as_it_is(monkeypatch: pytest.MonkeyPatch, analyse_spec: AnalyseText) -> None:
    seen: list[bytes] = []

    def run(arguments: Sequence[str], **options: Any) -> "subprocess.CompletedProcess[bytes]":
        assert "shell" not in options
        seen.append(options["input"])
        return subprocess.CompletedProcess(list(arguments), 0, stdout=b"<svg/>", stderr=b"")

    monkeypatch.setattr(subprocess, "run", run)
    analysis = analyse_spec("names")
    render_svg(analysis)
    assert seen == [render_dot(analysis).encode()]
