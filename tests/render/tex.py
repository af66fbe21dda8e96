"""A small reader of TeX that finds what a compiler would refuse; nothing of the printers is in it."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field

_TOKEN = re.compile(r"\\(?:[A-Za-z]+\*?|.)|[{}$&#%_^]|\n|[^\\{}$&#%_^\n]+", re.DOTALL)


def _commands(names: str) -> frozenset[str]:
    return frozenset(f"\\{name}" for name in names.split())


LATEX = _commands(
    "documentclass usepackage begin end textbf textit texttt textcolor multicolumn paragraph item hline definecolor"
    " footnotesize small tiny large quad textbackslash textasciicircum textasciitilde textless textgreater ensuremath"
)
IFTEX = _commands("ifPDFTeX fi IfFileExists")
TIKZ = _commands("usetikzlibrary draw node")
AMSMATH = _commands("text operatorname")
# What stands in mathematics only.
MATHEMATICS = _commands(
    "mathcal mathit operatorname le ge neq to in cdot mid ldots vdots max min sum nolimits left right"
    " alpha beta gamma delta epsilon varepsilon zeta eta theta iota kappa lambda mu nu xi pi rho sigma tau upsilon phi"
    " chi psi omega Gamma Delta Theta Lambda Xi Pi Sigma Phi Psi Omega"
)
SYMBOLS = frozenset({"\\ ", "\\,", "\\|", "\\_", "\\{", "\\}", "\\$", "\\&", "\\#", "\\%", "\\\\"})
KNOWN = LATEX | IFTEX | TIKZ | AMSMATH | MATHEMATICS | SYMBOLS

PACKAGES = {"iftex", "inputenc", "fontenc", "lmodern", "amsmath", "tikz"}
ALIGNMENTS = {"tabular": False, "aligned": True}
DISPLAYS = {"equation*"}
OTHERS = {"document", "tikzpicture", "itemize"}

# What the next group of a command is set in; other groups are set as what is around them.
_AS_TEXT = {r"\text", r"\textbf", r"\textit", r"\texttt", r"\paragraph"}
_AS_MATHEMATICS = {r"\ensuremath"}
# What Latin Modern has beside Latin letters, by the tables of inputenc.
_SIGNS_OF_TEXT = frozenset("…–—‘’“”")


@dataclass(slots=True)
class _Frame:
    closing: str
    is_math: bool
    has_subscript: bool = False


@dataclass(slots=True)
class _Reader:
    text: str
    stack: list[_Frame] = field(default_factory=lambda: [_Frame("the end", is_math=False)])
    faults: list[str] = field(default_factory=list)

    @property
    def top(self) -> _Frame:
        return self.stack[-1]

    def open(self, closing: str, *, is_math: bool) -> None:
        self.stack.append(_Frame(closing, is_math))

    def close(self, closing: str) -> None:
        if self.top.closing == closing:
            self.stack.pop()
        else:
            self.faults.append(f"{closing} where {self.top.closing} is due")

    def nucleus(self) -> None:
        self.top.has_subscript = False


def tex_faults(text: str, *, is_math: bool = False) -> list[str]:
    """What is wrong with a piece of LaTeX: groups, environments, mathematics, alignment, unescaped signs, commands."""
    reader = _Reader(text)
    reader.top.is_math = is_math
    tokens = list(_tokens(text))
    position = 0
    while position < len(tokens):
        position += _step(reader, tokens, position)
    reader.faults += [f"{frame.closing} is missing" for frame in reader.stack[1:]]
    return reader.faults


def _tokens(text: str) -> Iterator[str]:
    end = 0
    for match in _TOKEN.finditer(text):
        assert match.start() == end, text[end : match.start()]
        end = match.end()
        yield match.group()
    assert end == len(text), text[end:]


def _step(reader: _Reader, tokens: list[str], position: int) -> int:  # noqa: C901 -- one case for each kind of token
    """Read at a position; returns how many tokens were read."""
    token = tokens[position]
    if token.startswith("\\"):
        return _command(reader, tokens, position)
    match token:
        case "{":
            before = tokens[position - 1] if position else ""
            is_math = before in _AS_MATHEMATICS or (reader.top.is_math and before not in _AS_TEXT)
            if before not in {"_", "^"}:
                reader.nucleus()
            reader.open("}", is_math=is_math)
        case "}":
            reader.close("}")
        case "$":
            if reader.top.closing == "$":
                reader.close("$")
            elif reader.top.is_math:
                reader.faults.append("$ inside mathematics")
            else:
                reader.open("$", is_math=True)
        case "_" | "^":
            if not reader.top.is_math:
                reader.faults.append(f"{token} outside mathematics")
            elif token == "_" and reader.top.has_subscript:
                reader.faults.append("a second subscript")
            elif position + 1 == len(tokens) or tokens[position + 1] in {"}", "$", "&", "_", "^"}:
                reader.faults.append(f"{token} of nothing")
            reader.top.has_subscript |= token == "_"
        case "&":
            if _environment(reader) not in ALIGNMENTS:
                reader.faults.append("& outside an alignment")
        case "#" | "%":
            reader.faults.append(f"{token} is not escaped")
        case _:
            if token.strip():
                _letters(reader, token, tokens[position - 1] if position else "")
            reader.faults += [f"no letter for {c!r}" for c in token if not _is_in_latin_modern(c)]
    return 1


def _letters(reader: _Reader, token: str, before: str) -> None:
    """Letters are nuclei, but for the first behind a sign of a subscript, which is the subscript."""
    if before not in {"_", "^"} or len(token.strip()) > 1:
        reader.nucleus()


def _is_in_latin_modern(character: str) -> bool:
    return (
        character == "\n" or " " <= character <= "~" or "\xa1" <= character <= "\u017f" or character in _SIGNS_OF_TEXT
    )


def _command(reader: _Reader, tokens: list[str], position: int) -> int:
    token = tokens[position]
    if token in {r"\begin", r"\end"}:
        return _begin_or_end(reader, tokens, position)
    if token in {r"\left", r"\right"}:
        if token == r"\left":
            reader.open(r"\right", is_math=True)
        else:
            reader.close(r"\right")
    elif token in {"\\\\", r"\hline"} and _environment(reader) not in ALIGNMENTS:
        reader.faults.append(f"{token} outside an alignment")
    elif token not in KNOWN:
        reader.faults.append(f"{token} is unknown")
    elif token in MATHEMATICS and not reader.top.is_math:
        reader.faults.append(f"{token} outside mathematics")
    elif token == r"\usepackage":
        reader.faults += [
            f"no package {name}" for name in _argument(tokens, position).split(",") if name not in PACKAGES
        ]
    if token not in {r"\nolimits"}:
        reader.nucleus()
    return 1


def _argument(tokens: list[str], position: int) -> str:
    start = tokens.index("{", position)
    return "".join(tokens[start + 1 : tokens.index("}", start)])


def _begin_or_end(reader: _Reader, tokens: list[str], position: int) -> int:
    if tokens[position + 1 : position + 2] != ["{"] or tokens[position + 3 : position + 4] != ["}"]:
        reader.faults.append(f"{tokens[position]} of nothing")
        return 1
    name = tokens[position + 2]
    if name not in {*ALIGNMENTS, *DISPLAYS, *OTHERS}:
        reader.faults.append(f"no environment {name}")
    if tokens[position] == r"\end":
        reader.close(f"end of {name}")
        return 4
    needs_math = ALIGNMENTS.get(name)
    if (needs_math is not None and needs_math != reader.top.is_math) or (name in DISPLAYS and reader.top.is_math):
        reader.faults.append(f"{name} {'inside' if reader.top.is_math else 'outside'} mathematics")
    reader.open(f"end of {name}", is_math=name in DISPLAYS or ALIGNMENTS.get(name, False))
    return 4


def _environment(reader: _Reader) -> str:
    """The environment that stands directly around, without a group between."""
    return reader.top.closing.removeprefix("end of ")
