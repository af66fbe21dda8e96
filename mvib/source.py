"""Source text and places in it: the only module that converts between offsets, lines and columns."""

import unicodedata
from bisect import bisect_right
from dataclasses import dataclass, field
from functools import cached_property


@dataclass(frozen=True)
class SourceFile:
    """A named piece of source text.

    Attributes:
        name: what to show for it: a path, `<stdin>`, or the name of a bundled spec.
        text: its text, decoded.
    """

    name: str
    text: str = field(repr=False)

    @cached_property
    def _line_starts(self) -> tuple[int, ...]:
        return (0, *(i + 1 for i, character in enumerate(self.text) if character == "\n"))

    def line_of(self, offset: int) -> int:
        """Line number, counted from 1, of a character offset, counted from 0."""
        return bisect_right(self._line_starts, offset)

    def column_of(self, offset: int) -> int:
        """Column number, counted from 1 in characters, of a character offset."""
        return offset - self._line_starts[self.line_of(offset) - 1] + 1

    def line_text(self, line: int) -> str:
        """Text of a line (counted from 1) without its line break."""
        start = self._line_starts[line - 1]
        end = self._line_starts[line] - 1 if line < len(self._line_starts) else len(self.text)
        return self.text[start:end].rstrip("\r")

    @property
    def num_lines(self) -> int:
        """Number of lines; an empty file has one."""
        return len(self._line_starts)


@dataclass(frozen=True, slots=True)
class Span:
    """A stretch of a source file, `start` to `end` (exclusive) in characters from 0."""

    source: SourceFile = field(repr=False)
    start: int
    end: int

    def __post_init__(self) -> None:
        assert 0 <= self.start <= self.end <= len(self.source.text), (self.start, self.end, self.source.name)

    @property
    def line(self) -> int:
        """First line, from 1."""
        return self.source.line_of(self.start)

    @property
    def column(self) -> int:
        """First column, from 1."""
        return self.source.column_of(self.start)

    @property
    def end_line(self) -> int:
        """Line, from 1, of the last character (of the start when the span is empty)."""
        return self.source.line_of(max(self.start, self.end - 1))

    @property
    def end_column(self) -> int:
        """Column, from 1, behind the last character."""
        return self.source.column_of(max(self.start, self.end - 1)) + (self.end > self.start)

    @property
    def text(self) -> str:
        """The characters of the span."""
        return self.source.text[self.start : self.end]

    def join(self, other: "Span") -> "Span":
        """Smallest span that contains both; both are of one file."""
        assert self.source is other.source
        return Span(self.source, min(self.start, other.start), max(self.end, other.end))

    def contains(self, other: "Span") -> bool:
        """Whether `other` lies inside, borders included."""
        return self.source is other.source and self.start <= other.start and other.end <= self.end

    def __str__(self) -> str:
        return f"{self.source.name}:{self.line}:{self.column}"


def display_width(text: str) -> int:
    """Number of terminal cells the text takes: wide characters count two, combining marks none."""
    return sum(
        0 if unicodedata.combining(character) else 2 if unicodedata.east_asian_width(character) in "WF" else 1
        for character in text
    )


def printable(text: str) -> str:
    """The text with tabs as four blanks and every control, format or unassigned character made visible.

    A spec is somebody else's text: an escape sequence or a bidirectional override in it must not reach the terminal.
    """
    return "".join(
        "    "
        if character == "\t"
        else f"\\u{ord(character):04x}"
        if unicodedata.category(character) in {"Cc", "Cf", "Cn", "Co", "Cs", "Zl", "Zp"}
        else character
        for character in text
    )


def printable_lines(text: str) -> str:
    """As `printable`, with the line breaks kept: for what a program says on several lines."""
    return "\n".join(map(printable, text.split("\n")))
