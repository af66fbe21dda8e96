"""Diagnostics as data: what is wrong, where, why, and what to write instead."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from difflib import get_close_matches
from enum import Enum

from mvib.source import Span


class Severity(Enum):
    """How bad it is. Errors stop the next stage; warnings and notes do not."""

    ERROR = "error"
    WARNING = "warning"
    NOTE = "note"


@dataclass(frozen=True, slots=True)
class Label:
    """A second place that belongs to a diagnostic, with what it has to do with it."""

    span: Span
    text: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnostic:
    """One finding about a spec.

    Attributes:
        slug: what kind of mistake; reads as 'allow <slug>'.
        severity: error, warning or note.
        title: one line that stands alone.
        span: the place in the file.
        label: what is wrong at that place, in this spec's names.
        secondary: other places involved.
        why: the reason, where the title does not give it.
        remedy: what to write instead; where possible text that can be pasted.
    """

    slug: str
    severity: Severity = Severity.ERROR
    title: str
    span: Span
    label: str = ""
    secondary: tuple[Label, ...] = ()
    why: str = ""
    remedy: str = ""

    @property
    def is_error(self) -> bool:
        """Whether it stops the next stage."""
        return self.severity is Severity.ERROR


class SpecError(Exception):
    """A spec is wrong. Carries every diagnostic of the stage that failed.

    Attributes:
        diagnostics: errors first come, then warnings and notes, in the order of the file.
    """

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        assert diagnostics, "a SpecError needs at least one diagnostic"
        self.diagnostics = tuple(diagnostics)
        first = next((d for d in diagnostics if d.is_error), diagnostics[0])
        more = len(diagnostics) - 1
        super().__init__(f"{first.span}: {first.title}" + (f" (and {more} more)" if more else ""))


class InternalError(Exception):
    """The compiler, not the spec, is wrong: please report it with the spec."""


def has_errors(diagnostics: Iterable[Diagnostic]) -> bool:
    """Whether any of the diagnostics is an error."""
    return any(diagnostic.is_error for diagnostic in diagnostics)


def nearest(name: str, known: Iterable[str]) -> str | None:
    """The known name that `name` was most likely meant to be, or None."""
    names = list(known)
    folded = {candidate.casefold(): candidate for candidate in reversed(names)}
    matches = get_close_matches(name.casefold(), folded, n=1, cutoff=0.6)
    return folded[matches[0]] if matches else None


def quoted_list(names: Iterable[str], *, conjunction: str = "and", most: int = 12) -> str:
    """Names in backticks as an English list, cut after `most`."""
    quoted = [f"`{name}`" for name in names]
    if len(quoted) > most:
        return ", ".join(quoted[:most]) + f" {conjunction} {len(quoted) - most} more"
    if len(quoted) < 2:
        return "".join(quoted)
    return ", ".join(quoted[:-1]) + f" {conjunction} {quoted[-1]}"
