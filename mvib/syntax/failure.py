"""Where the parser stopped, in terms a person would use, and what the line looks like once it is put right."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from mvib.diagnostics import Diagnostic, Label
from mvib.source import SourceFile, Span
from mvib.syntax.vocabulary import CLOSERS, STATEMENTS

_LONGEST_PASTED = 160
_NAME = re.compile(r"[^\W\d][\w\u0300-\u036f]*'*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Failure:
    """Where the parser stopped, in terms a person would use.

    Attributes:
        source: the file.
        tokens: text, start and end of the tokens of the broken statement before the failure.
        start: offset of the offending token.
        end: offset behind it.
        found: its text, empty when the statement ended where it should have gone on.
        next_word: the first word of the next statement, empty at the end of the file.
        accepted: names of the terminals that could have followed.
    """

    source: SourceFile
    tokens: tuple[tuple[str, int, int], ...]
    start: int
    end: int
    found: str
    next_word: str = ""
    accepted: frozenset[str]

    @property
    def at_end(self) -> bool:
        """Whether the statement stops where it should go on."""
        return not self.found

    def previous_is(self, *texts: str) -> bool:
        """Whether these stand before the last token."""
        return tuple(text for text, _, _ in self.tokens[-len(texts) - 1 : -1]) == texts

    @property
    def span(self) -> Span:
        """Place of the offending token; at the end of the statement, of the last one before it."""
        return self.last_span if self.at_end and self.tokens else Span(self.source, self.start, self.end)

    @property
    def last_span(self) -> Span:
        """Place of the last token before the failure."""
        _, start, end = self.tokens[-1]
        return Span(self.source, start, end)

    @property
    def keyword(self) -> str:
        """Keyword of the broken statement, empty if it has none."""
        first = self.tokens[0][0] if self.tokens else ""
        return first if first in STATEMENTS else ""

    @property
    def words(self) -> tuple[str, ...]:
        """The tokens before the offending one, as text."""
        return tuple(text for text, _, _ in self.tokens)

    @property
    def previous(self) -> str:
        """The token before the offending one, empty if there is none."""
        return self.tokens[-1][0] if self.tokens else ""

    @property
    def last_end(self) -> int:
        """Offset behind the last token before the failure."""
        return self.tokens[-1][2] if self.tokens else self.start

    @property
    def touches_previous(self) -> bool:
        """Whether no blank stands between the last token and the offending one."""
        return bool(self.tokens) and not self.at_end and self.last_end == self.start

    @property
    def line_end(self) -> int:
        """Offset of the end of the line the offending token is on."""
        end = self.source.text.find("\n", self.end)
        return end if end >= 0 else len(self.source.text)

    @property
    def following(self) -> str:
        """The rest of the line behind the offending token, without a comment."""
        return self.source.text[self.end : self.line_end].partition("#")[0].strip()

    @property
    def found_name(self) -> bool:
        """Whether the offending token is a word."""
        return _NAME.fullmatch(self.found) is not None

    @property
    def found_operand(self) -> bool:
        """Whether the offending token could be a value of its own: a word, a number or a text."""
        return self.found_name or self.found[:1].isdigit() or self.found.startswith('"')

    @property
    def previous_operand(self) -> bool:
        """Whether the last token could end a value."""
        last = self.previous
        return bool(_NAME.fullmatch(last)) or last[:1].isdigit() or last[-1:] in {'"', ")", "]"}

    @property
    def first_on_line(self) -> bool:
        """Whether only blanks stand in front of the offending token on its line."""
        column = self.source.column_of(self.start) - 1
        return not self.source.line_text(self.source.line_of(self.start))[:column].strip()

    def open_brackets(self) -> tuple[tuple[int, str, int], ...]:
        """The brackets that are still open, outermost first: index of the token, text, offset."""
        stack: list[tuple[int, str, int]] = []
        for index, (text, start, _) in enumerate(self.tokens):
            if text in CLOSERS:
                stack.append((index, text, start))
            elif text in CLOSERS.values() and stack:
                stack.pop()
        return tuple(stack)

    def inside(self, bracket: str) -> bool:
        """Whether the innermost open bracket is this one."""
        brackets = self.open_brackets()
        return bool(brackets) and brackets[-1][1] == bracket

    def pasted(self, new: str, *, start: int | None = None, end: int | None = None) -> str:
        """A remedy: the line with `new` in the place of `start` to `end`, by default of the offending token.

        Args:
            new: what to write there; it may hold line breaks.
            start: offset; default: start of the offending token.
            end: offset behind what is replaced; default: end of the offending token.
        """
        text = self.source.text
        first = self.start if start is None else start
        last = (self.end if start is None else first) if end is None else end
        line_start = text.rfind("\n", 0, first) + 1
        line_end = text.find("\n", last)
        line = text[line_start:first] + new + text[last : line_end if line_end >= 0 else len(text)]
        rows = [row.strip() for row in line.split("\n")]
        if not any(rows):
            return "delete it"
        if max(map(len, rows)) > _LONGEST_PASTED:
            return f"write `{new.strip()}`" if new.strip() else "delete it"
        return "write\n" + "\n".join(f"  {row}" for row in rows)

    def appended(self, new: str) -> str:
        """A remedy: the line with `new` behind the last token before the failure."""
        return self.pasted(new, start=self.last_end)

    def error(
        self,
        title: str,
        *,
        label: str,
        remedy: str,
        why: str = "",
        span: Span | None = None,
        secondary: tuple[Label, ...] = (),
    ) -> Diagnostic:
        """The diagnostic of this failure, at the offending token unless `span` says otherwise."""
        return Diagnostic(
            slug="syntax",
            title=title,
            span=span or self.span,
            label=label,
            why=why,
            remedy=remedy,
            secondary=secondary,
        )

    def place(self, start: int, end: int) -> Span:
        """A place in the file of the failure."""
        return Span(self.source, start, end)


Judge = Callable[[Failure], Diagnostic | None]
