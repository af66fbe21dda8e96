"""What a spec, a run folder or a data file says stays text wherever it is shown."""

import ast
import json
import re
import unicodedata
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from xml.etree import ElementTree

import pytest
import torch
from safetensors.torch import save_file

from mvib.cli.main import main
from mvib.diagnostics import render_text
from mvib.driver import analyse, read_source
from mvib.source import SourceFile, printable_lines
from mvib.train import train_method
from tests.security.hostile import HOSTILE, TEXT
from tests.train.small import CONTRASTIVE, analysis_of, arrays

_HIDDEN = {"Cc", "Cf", "Co", "Cs", "Zl", "Zp"}


def hidden(text: str) -> set[str]:
    """Characters that a terminal obeys, or that turn the reading direction; line breaks and tabs are none."""
    return {character for character in text if character not in "\n\t" and unicodedata.category(character) in _HIDDEN}


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("hostile") / "spec.mvib"
    path.write_text(HOSTILE, encoding="utf-8")
    return path


def said(arguments: list[str], capfd: pytest.CaptureFixture[str]) -> str:
    """Everything that a verb prints."""
    main(arguments)
    out, err = capfd.readouterr()
    return out + err


# ---- the terminal ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("verb", ["check", "show", "prove", "diff", "compile"])
def test_the_terminal_gets_no_control_characters(verb: str, spec: Path, capfd: pytest.CaptureFixture[str]) -> None:
    more = {"diff": [str(spec)], "compile": ["--data", "digits"]}.get(verb, [])
    shown = said([verb, str(spec), *more], capfd)
    assert shown
    assert hidden(shown) == set()


@pytest.mark.parametrize("form", ["text", "concise"])
def test_mistakes_are_shown_without_control_characters(
    form: str, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    path = tmp_path / "wrong\x1b[2J\u202e.mvib"
    path.write_text(
        HOSTILE.replace("infonce()", f'infonce("{TEXT}")') + f'method X extends "{TEXT}"\n', encoding="utf-8"
    )
    shown = said(["check", str(path), "--format", form], capfd)
    assert "error" in shown
    assert hidden(shown) == set()


def test_no_text_puts_a_line_of_its_own_into_a_message() -> None:
    found = analyse(SourceFile("spec.mvib", 'method M extends "a\\nerror: all is well"\n')).diagnostics
    assert not any(line.startswith("error: ") for line in render_text(found).split("\n"))


def test_a_data_file_says_nothing_to_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "data.csv"
    path.write_text("a\x1b[2J,b\u202e\n1,\x1b[2J\n2,3\n", encoding="utf-8")
    shown = said(["train", "simclr", "--data", f"csv:{path}", "--out", str(tmp_path / "run")], capfd)
    assert "error" in shown
    assert hidden(shown) == set()


def test_a_run_folder_says_nothing_to_the_terminal(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "spec.mvib").write_text(CONTRASTIVE)
    config = {"format": 1, "data": "digits", "epochs": 1, "fingerprint": "x", "shapes": {}, "versions": {}}
    (tmp_path / "config.json").write_text(json.dumps(config))
    (tmp_path / "metrics.jsonl").write_text("")
    header = {"mvib": json.dumps({"format": "\x1b[2J\u202e"})}
    save_file({"model.\x1b[2J": torch.zeros(1)}, tmp_path / "checkpoint.safetensors", metadata=header)
    shown = said(["eval", str(tmp_path)], capfd)
    assert "error" in shown
    assert hidden(shown) == set()


def test_hidden_characters_become_visible() -> None:
    assert printable_lines("a\x1b[2J\nb\u202e") == "a\\u001b[2J\nb\\u202e"


# ---- drawings --------------------------------------------------------------------------------------------------------


def drawn(spec: Path, ending: str) -> str:
    path = spec.with_name(f"diagram.{ending}")
    assert main(["render", str(spec), "-o", str(path)]) in {0, None}
    return path.read_text(encoding="utf-8")


def test_dot(spec: Path) -> None:
    text = drawn(spec, "dot")
    # Without quoted strings, and without what stands between the tags of a label.
    outside = re.sub(r">[^<>]*<", "><", re.sub(r'"(?:[^"\\]|\\.)*"', '""', text))
    assert not re.search(
        r"\b(?:URL|href|image|target|tooltip|shapefile|imagepath|fontpath)\s*=", outside, re.IGNORECASE
    )
    assert not re.search(r"<(?:IMG|script)\b|\bHREF\s*=", text, re.IGNORECASE)
    assert hidden(text) == set()


def test_svg(spec: Path) -> None:
    text = drawn(spec, "svg")
    tags = set()
    for element in ElementTree.fromstring(text).iter():
        tags.add(element.tag.rpartition("}")[2])
        for name, value in element.attrib.items():
            assert not name.rpartition("}")[2].lower().startswith("on"), name
            assert name.rpartition("}")[2].lower() not in {"href", "src", "style"}, name
            assert "javascript" not in value.lower()
    assert tags <= {"svg", "g", "title", "path", "polygon", "polyline", "ellipse", "text", "rect", "defs", "tspan"}
    assert hidden(text) == set()


@pytest.mark.parametrize("source", ["diagram", "show"])
def test_latex(source: str, spec: Path, capfd: pytest.CaptureFixture[str]) -> None:
    text = drawn(spec, "tex") if source == "diagram" else said(["show", str(spec), "--format", "latex"], capfd)
    commands = r"\\(?:input|include|write|openout|openin|read|immediate|catcode|def|let|csname|special|directlua)"
    assert not re.search(commands + r"(?![a-z])", text)
    assert hidden(text) == set()


def test_mermaid(spec: Path) -> None:
    text = drawn(spec, "mmd")
    assert "%%{" not in text
    assert not re.search(r"^\s*(?:click|href|callback)\b", text, re.MULTILINE)
    assert not re.search(r"<(?!br/>)[a-z]", text, re.IGNORECASE)
    assert hidden(text) == set()


# ---- Python ----------------------------------------------------------------------------------------------------------


def test_generated_python_holds_texts_as_texts(spec: Path, tmp_path: Path) -> None:
    path = tmp_path / "model.py"
    main(["compile", str(spec), "--data", "digits", "--emit", "python", "-o", str(path)])
    if not path.is_file():
        pytest.skip("this method cannot be written as a file of its own")
    text = path.read_text(encoding="utf-8")
    assert hidden(text) == set()
    tree = ast.parse(text)
    imported = {alias.name.split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.Import) for alias in n.names}
    imported |= {(n.module or "").split(".")[0] for n in ast.walk(tree) if isinstance(n, ast.ImportFrom)}
    assert not imported & {"os", "subprocess", "antigravity", "this", "mvib", "sys", "builtins"}
    called = {n.func.id for n in ast.walk(tree) if isinstance(n, ast.Call) and isinstance(n.func, ast.Name)}
    assert not called & {"eval", "exec", "__import__", "compile", "open"}
    assert not {n.attr for n in ast.walk(tree) if isinstance(n, ast.Attribute)} & {"system", "popen", "__globals__"}


# ---- HTML ------------------------------------------------------------------------------------------------------------


class _Elements(HTMLParser):
    """Tags with their attributes, and the text of scripts."""

    def __init__(self) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def links(self) -> Iterator[str]:
        for _, attributes in self.found:
            yield from (value or "" for name, value in attributes.items() if name in {"href", "src", "action", "data"})


def test_the_report_of_a_hostile_run_is_text(tmp_path: Path) -> None:
    train_method(analysis_of(CONTRASTIVE), data=arrays(number=40), epochs=1, out=tmp_path)
    for name in ("config.json", "summary.json"):
        values = json.loads((tmp_path / name).read_text())
        (tmp_path / name).write_text(
            json.dumps({k: TEXT if isinstance(v, str) and k != "fingerprint" else v for k, v in values.items()})
        )
    text = (tmp_path / "spec.mvib").read_text()
    (tmp_path / "spec.mvib").write_text(text.replace("\n", f'\nabout "{TEXT}"\n', 1), encoding="utf-8")
    main(["report", str(tmp_path), "-o", str(tmp_path / "report.html")])
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    elements = _Elements()
    elements.feed(page)
    assert "<script>alert" not in page
    assert not any(name.startswith("on") for _, attributes in elements.found for name in attributes)
    assert all(link.startswith(("data:image/png;base64,", "#")) for link in elements.links())
    assert not {tag for tag, _ in elements.found} & {
        "iframe",
        "object",
        "embed",
        "link",
        "form",
        "base",
        "foreignobject",
    }
    assert hidden(page) == set()


def test_a_spec_is_read_as_one_text(spec: Path) -> None:
    assert read_source(spec).text == HOSTILE
