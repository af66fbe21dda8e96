"""Text that stays what it is inside Python: strings, comments, docstrings; and calls on lines that are not too long."""

import textwrap
import unicodedata
from collections.abc import Sequence

WIDTH = 120


def quoted(text: str) -> str:
    """A string that means the text and nothing else, in ASCII."""
    inner = ascii(text)[1:-1].replace("\\'", "'").replace('"', '\\"')
    return f'"{inner}"'


def plain_line(text: str) -> str:
    """A text that stays in its comment: one line, without characters that a reader cannot see."""
    shown = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in text)
    return " ".join(shown.split())


def comment(text: str, *, indent: int = 0, keep_spaces: bool = False, wrap: bool = True) -> list[str]:
    """Comment lines for a text: at least a line for each of its own.

    Args:
        text: any.
        indent: of the lines.
        keep_spaces: whether a line keeps the spaces it begins with.
        wrap: whether none is to be too long.
    """
    lines: list[str] = []
    for line in text.split("\n"):
        if not wrap:
            indented = line[: len(line) - len(line.lstrip(" "))]
            lines.append(f"{' ' * indent}# {indented}{plain_line(line)}")
            continue
        margin = len(line) - len(line.lstrip(" ")) if keep_spaces else 0
        before = f"{' ' * indent}# {' ' * min(margin, 40)}"
        parts = textwrap.wrap(plain_line(line), WIDTH - len(before), break_long_words=False, break_on_hyphens=False)
        lines += [f"{before}{part}" for part in parts or [""]]
    return [line.rstrip() for line in lines]


def inside_docstring(text: str) -> str:
    """A text that stays in its docstring."""
    return plain_line(text).replace("\\", "\\\\").replace('"', '\\"')


def call(function: str, arguments: Sequence[str], *, indent: int, before: str = "", after: str = "") -> str:
    """A call on one line, or an argument a line where that is too long.

    Args:
        function: its name.
        arguments: as they are written.
        indent: of the line.
        before: what stands before the call on its line.
        after: what stands behind it.
    """
    margin = " " * indent
    line = f"{margin}{before}{function}({', '.join(arguments)}){after}"
    if len(line) <= WIDTH or not arguments:
        return line
    inner = "".join(f"{margin}    {argument},\n" for argument in arguments)
    return f"{margin}{before}{function}(\n{inner}{margin}){after}"
