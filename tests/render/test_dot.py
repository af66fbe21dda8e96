from collections.abc import Callable
from pathlib import Path

import pytest

from mvib.driver import Analysis
from mvib.render import render_dot, render_mermaid, render_tikz

AnalyseText = Callable[[str], Analysis]


@pytest.mark.parametrize("spec", ["simclr", "vae", "byol"])
def test_dot(spec: str, analyse_spec: AnalyseText, golden: Callable[[str, Path], None]) -> None:
    golden(render_dot(analyse_spec(spec)), Path("golden") / f"{spec}.dot")


def test_mermaid(analyse_spec: AnalyseText, golden: Callable[[str, Path], None]) -> None:
    golden(render_mermaid(analyse_spec("mvib")), Path("golden") / "mvib.mmd")


def test_tikz(analyse_spec: AnalyseText, golden: Callable[[str, Path], None]) -> None:
    golden(render_tikz(analyse_spec("vae")), Path("golden") / "vae.tex")


@pytest.mark.parametrize("render", [render_dot, render_mermaid, render_tikz])
def test_the_same_spec_gives_the_same_text(render: Callable[[Analysis], str], analyse_spec: AnalyseText) -> None:
    assert render(analyse_spec("modalities")) == render(analyse_spec("modalities"))


def test_lines_of_each_kind(analyse_spec: AnalyseText) -> None:
    lines = {line.split(" [")[0].strip(): line for line in render_dot(analyse_spec("byol")).splitlines()}
    assert "style=solid" in lines['"X[1]" -> "R[1]"']
    assert "style=dotted" in lines['"X[1]" -> "S[1]"']
    assert "style=dashed" in lines['"Z[1]" -> "T[2]"']
    assert "penwidth=0.8" in lines['"X" -> "X[1]"']
    assert 'fillcolor="#D4D4D4"' in lines['"X"']


def test_a_plate_holds_its_family(analyse_spec: AnalyseText) -> None:
    text = render_dot(analyse_spec("simclr"))
    inside = text[text.index("subgraph") : text.index("\n  }\n")]
    assert all(f'"{name}[{i}]"' in inside for name in "XRZ" for i in (1, 2))
    assert '"X" [' not in inside
    assert "style=rounded" in inside


HOSTILE = """method A
about "</script><b>bold</b> & \\"quoted\\" \\\\input{secret} $x$ #1 100% _a_"
cite "\\\\write18{rm} <a href='x'>"
data X: image
encoder f: X -> Z'' = mlp(8)
maximize H(Z'') by variance_covariance()
"""


def test_dot_escapes_what_a_user_wrote(analyse_text: AnalyseText) -> None:
    text = render_dot(analyse_text(HOSTILE))
    assert "</script>" not in text
    assert "<b>" not in text
    assert "&lt;/script&gt;&lt;b&gt;bold&lt;/b&gt; &amp; &quot;quoted&quot;" in text
    assert "<a " not in text
    assert " href" not in text.replace("a href=&#x27;", "").lower()
    assert "url" not in text.lower()


def test_tikz_sees_no_command_of_a_user(analyse_text: AnalyseText) -> None:
    text = render_tikz(analyse_text(HOSTILE.replace("method A", "method Ä_Name")))
    assert r"\input" not in text
    assert r"\write" not in text
    assert r"Ä\_Name" in text
    assert "Z''" in text


def test_mermaid_escapes_what_a_user_wrote(analyse_text: AnalyseText) -> None:
    text = render_mermaid(analyse_text(HOSTILE))
    labels = [line for line in text.splitlines() if '"' in line]
    assert all(line.count('"') == 2 for line in labels)
    assert "<b>" not in text
