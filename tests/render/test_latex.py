"""LaTeX that a paper can take: read by a small reader of TeX, and by pdflatex where there is one."""

import re
import shutil
import subprocess
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from mvib.driver import Analysis, analyse
from mvib.render import objective_latex, render_tikz
from mvib.render.summary import summary_latex
from mvib.resources import bundled_specs
from mvib.source import SourceFile
from tests.render.tex import tex_faults

AnalyseText = Callable[[str], Analysis]

NAMES = sorted(bundled_specs())
PDFLATEX = shutil.which("pdflatex")
HEAD = r"""\documentclass{article}
\usepackage[utf8]{inputenc}
\usepackage[T1]{fontenc}
\IfFileExists{lmodern.sty}{\usepackage{lmodern}}{}
\usepackage{amsmath,tikz}
\usetikzlibrary{arrows.meta,shapes.geometric}"""
# A distribution may lack the class; what is compiled does not depend on it.
STAND_IN = "\\ProvidesClass{standalone}\n\\DeclareOption*{}\\ProcessOptions\n\\LoadClass{article}\n"


@pytest.fixture(scope="module")
def analyses() -> Mapping[str, Analysis]:
    specs = bundled_specs()
    return {name: analyse(SourceFile(str(specs[name]), specs[name].read_text(encoding="utf-8"))) for name in NAMES}


@pytest.mark.parametrize("name", NAMES)
def test_method_is_sound_latex(name: str, analyses: Mapping[str, Analysis]) -> None:
    assert tex_faults(summary_latex(analyses[name])) == []


@pytest.mark.parametrize("name", NAMES)
def test_objective_is_sound_mathematics(name: str, analyses: Mapping[str, Analysis]) -> None:
    method = analyses[name].method
    assert method is not None
    assert tex_faults(objective_latex(method), is_math=True) == []


@pytest.mark.parametrize("name", NAMES)
def test_diagram_is_sound_tikz(name: str, analyses: Mapping[str, Analysis]) -> None:
    text = render_tikz(analyses[name])
    assert tex_faults(text) == []
    assert tikz_faults(text) == []


def tikz_faults(text: str) -> list[str]:
    """Statements that do not end, colours and styles that nothing defines, sizes and places that are no numbers."""
    head, body = text.split(r"\begin{tikzpicture}[")
    options, body = body.split("\n]\n", 1)
    body = body.partition(r"\end{tikzpicture}")[0]
    defined = set(re.findall(r"\\definecolor\{(\w+)\}\{HTML\}\{[0-9A-F]{6}\}", head))
    styles = set(re.findall(r"^ *(mvib \w+)/\.style=", options, re.MULTILINE))
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    faults = [f"no statement: {line}" for line in lines if not re.match(r"\\(draw|node)\b", line)]
    faults += [f"no end: {line}" for line in lines if not line.endswith(";")]
    faults += [f"no colour {colour}" for colour in sorted(set(re.findall(r"mvib[0-9A-F]{6}", body)) - defined)]
    known = re.compile(
        rf"{'|'.join(sorted(styles | defined))}|fill=({'|'.join(defined)})|minimum (width|height)=[\d.]+bp"
        r"|font=\\(small|footnotesize)|inner sep=0pt|anchor=north|align=center"
    )
    for group in re.findall(r"\\(?:draw|node)\[([^\]]*)\]", body):
        faults += [f"unknown option {option}" for option in group.split(", ") if not known.fullmatch(option)]
    # A colour sets the filling as well: what follows it must fill with white, or the number is lost.
    faults += re.findall(r"\\node\[mvib badge, [^\]]*\]", body)
    places = re.findall(r"(?:\bat|rectangle|controls|and|\.\.|\\draw\[[^\]]*\]) \(([^)]*)\)", body)
    faults += [f"no place {place}" for place in places if not re.fullmatch(r"-?[\d.]+, -?[\d.]+", place)]
    return faults


def test_text_of_a_spec_is_no_command(analyse_text: AnalyseText) -> None:
    analysis = analyse_text(
        'method M_1\nabout "50% of \\\\input{x} & $a$ #1 {_^~} <b>"\ncite "A & B_c, 100%"\n'
        "param a_b = 2\ndata X_1: image\nencoder f_g: X_1 ~> Z_1 = gaussian(mlp(8), dim: 4)\n"
        "decoder d_1: Z_1 ~> X_1 = bernoulli(mlp(8))\nterm t_1: minimize H(X_1 | Z_1) by d_1\n"
        "minimize a_b * I(X_1; Z_1) by rate(normal)\nassume I(X_1; Z_1) <= eps\nrepresent Z_1\n"
    )
    assert tex_faults(summary_latex(analysis)) == []
    assert tex_faults(render_tikz(analysis)) == []


@pytest.mark.parametrize(
    ("text", "fault"),
    [
        ("{a", "} is missing"),
        ("a}", "} where the end is due"),
        ("$a", "$ is missing"),
        ("$a{$}", "$ inside mathematics"),
        (r"$\text{a_b}$", "_ outside mathematics"),
        ("$a_b_c$", "a second subscript"),
        ("$a_{}_{c}$", "a second subscript"),
        ("$a_$", "_ of nothing"),
        ("a & b", "& outside an alignment"),
        (r"\begin{tabular}{l}{a & b}\end{tabular}", "& outside an alignment"),
        (r"a \\ b", r"\\ outside an alignment"),
        ("50%", "% is not escaped"),
        ("#1", "# is not escaped"),
        (r"\alpha", r"\alpha outside mathematics"),
        (r"$\lambd$", r"\lambd is unknown"),
        (r"$\left( a$", r"$ inside mathematics"),
        (r"$\left( a$", r"\right is missing"),
        (r"\begin{itemize}\item a\end{tabular}", "end of tabular where end of itemize is due"),
        (r"\begin{aligned}a\end{aligned}", "aligned outside mathematics"),
        (r"\begin{align}a\end{align}", "no environment align"),
        (r"\usepackage{amssymb}", "no package amssymb"),
        ("β", "no letter for 'β'"),
    ],
)
def test_reader_finds(text: str, fault: str) -> None:
    assert fault in tex_faults(text)


@pytest.mark.parametrize(
    "text",
    [
        r"a\_b \& 50\% \{x\} \textbackslash{}",
        r"$\mathcal{L} = {\beta} \, H_{d}(X'_{1} \mid Z_{1})$",
        r"$\left( \text{a $b_1$ c} \right)$",
        r"\begin{tabular}{l@{\ }l}\textbf{a} & $b_{i, j}$ \\ \hline\end{tabular}",
        r"\begin{equation*}\begin{aligned}a_1 & = b \\ & + c\end{aligned}\end{equation*}",
        r"\textit{\ensuremath{\alpha}é}",
    ],
)
def test_reader_accepts(text: str) -> None:
    assert tex_faults(text) == []


# ---- the compiler ----------------------------------------------------------------------------------------------


@pytest.mark.skipif(PDFLATEX is None, reason="no pdflatex on the path")
@pytest.mark.parametrize("printer", [summary_latex, render_tikz], ids=["methods", "diagrams"])
def test_pasted_into_one_paper(
    printer: Callable[[Analysis], str], analyses: Mapping[str, Analysis], tmp_path: Path
) -> None:
    parts = [_pasted(printer(analysis)) for analysis in analyses.values()]
    document = [HEAD, r"\begin{document}", "\n\\clearpage\n".join(parts), r"\end{document}"]
    _compile(document, tmp_path)


@pytest.mark.skipif(PDFLATEX is None, reason="no pdflatex on the path")
def test_diagram_as_it_is_written(analyses: Mapping[str, Analysis], tmp_path: Path) -> None:
    if shutil.which("kpsewhich") is None:
        (tmp_path / "standalone.cls").write_text(STAND_IN, encoding="utf-8")
    _compile([render_tikz(analyses["vicreg"])], tmp_path)


def _pasted(text: str) -> str:
    """What a user takes of a document: the definitions of colours, and what stands in its body."""
    head, begin, body = text.partition(r"\begin{document}")
    if not begin:
        return text
    colours = "\n".join(line for line in head.splitlines() if line.startswith(r"\definecolor"))
    return colours + "\n" + body.partition(r"\end{document}")[0]


def _compile(lines: Sequence[str], folder: Path) -> None:
    assert PDFLATEX is not None
    (folder / "paper.tex").write_text("\n".join(lines), encoding="utf-8")
    command = [PDFLATEX, "-interaction=nonstopmode", "-halt-on-error", "-no-shell-escape", "paper.tex"]
    result = subprocess.run(command, cwd=folder, capture_output=True, timeout=120, check=False)
    output = result.stdout.decode(errors="replace")
    assert result.returncode == 0, "\n".join(output.splitlines()[-25:])
    assert "Missing character" not in output
