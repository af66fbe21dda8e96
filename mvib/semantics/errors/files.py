"""Mistakes of a file as a whole: its head, what it extends, its train block, values from outside."""

from collections.abc import Iterable, Sequence

from mvib.diagnostics import Diagnostic, Label, Severity, nearest
from mvib.semantics.errors.wording import suggest
from mvib.source import Span


def method_not_first(span: Span, *, exists: bool) -> Diagnostic:
    """A file that does not start with its method."""
    return Diagnostic(
        slug="method-not-first",
        title="a file starts with `method NAME`",
        span=span,
        label="expected `method` first",
        remedy="move the `method` statement to the top"
        if exists
        else "write `method MyMethod` as the first statement (only `mvib 1` may stand before it)",
    )


def unsupported_version(span: Span, text: str) -> Diagnostic:
    """A version of the language that this release does not know."""
    return Diagnostic(
        slug="unsupported-version",
        title=f"version {text} of the language is not known here",
        span=span,
        label="not version 1",
        remedy="write `mvib 1`, or install a newer release",
    )


def repeated_statement(span: Span, keyword: str, first: Span) -> Diagnostic:
    """A statement that may stand once only."""
    return Diagnostic(
        slug="repeated-statement",
        title=f"`{keyword}` may stand only once in a file",
        span=span,
        label="again here",
        secondary=(Label(first, "first here"),),
        remedy="write both as one: `represent R, Z`" if keyword == "represent" else "keep one of the two",
    )


def misplaced_version(span: Span) -> Diagnostic:
    """`mvib 1` behind other statements."""
    return Diagnostic(
        slug="repeated-statement",
        title="`mvib` may stand only once, and only at the top of a file",
        span=span,
        label="not at the top",
        remedy="move it above `method`, or delete it",
    )


def unknown_parent(span: Span, name: str, known: Iterable[str], why: str) -> Diagnostic:
    """`extends` of a spec that cannot be found."""
    return Diagnostic(
        slug="unknown-parent",
        title=f"there is no spec `{name}` to extend",
        span=span,
        label="not found",
        why=why,
        # The bundled specs are too many to be read in a message.
        remedy=suggest(name, known, "bundled specs")
        if nearest(name, sorted(known)) is not None
        else "`mvib list methods` shows the bundled specs; a file beside this one is named by its path: "
        '`extends "base.mvib"`',
    )


def cyclic_extends(span: Span, chain: Sequence[str]) -> Diagnostic:
    """Specs that extend each other."""
    return Diagnostic(
        slug="cyclic-extends",
        title="a spec extends itself"
        if len(chain) == 2
        else "the specs extend each other in a circle: " + " -> ".join(f"`{name}`" for name in chain),
        span=span,
        label="leads back to this file",
        remedy="take one of the `extends` away",
    )


def too_deep(span: Span, most: int) -> Diagnostic:
    """A long line of specs that extend each other."""
    return Diagnostic(
        slug="cyclic-extends",
        title=f"more than {most} specs extend each other in a row",
        span=span,
        label="one too many",
        remedy="extend one of the first specs of the row",
    )


def nothing_to_drop(span: Span, label: str, known: Sequence[str], *, extends: bool) -> Diagnostic:
    """`drop term` of a term that the parent does not have."""
    return Diagnostic(
        slug="nothing-to-drop",
        title=f"there is no inherited term `{label}` to drop",
        span=span,
        label="no such term",
        remedy=suggest(label, known, "inherited terms")
        if extends
        else "`drop` is for a spec that starts from another: `method NAME extends OTHER`",
    )


def unresolvable_override(span: Span, name: str, known: Sequence[str]) -> Diagnostic:
    """`--set` of something that is not there."""
    return Diagnostic(
        slug="unknown-override",
        title=f"nothing called `{name}` can be set",
        span=span,
        label="no parameter of this spec",
        remedy=suggest(
            name, known, "names that can be set", otherwise="settings of training are `train.epochs` and such"
        ),
    )


def bad_override(span: Span, name: str, text: str) -> Diagnostic:
    """`--set` with something that is no value."""
    return Diagnostic(
        slug="bad-override",
        title=f"`{name}={text}` is not NAME=VALUE with a value of the language",
        span=span,
        label="cannot be read",
        remedy="write for example `--set beta=0.1` or `--set train.batch=512`; put quotes around a value with brackets",
    )


def bad_claim(span: Span, text: str) -> Diagnostic:
    """A relation on the command line that is more than a relation."""
    return Diagnostic(
        slug="bad-relation",
        title=f"`{text}` is not one relation",
        span=span,
        label="more than a relation",
        remedy="write for example `I(Z[1]; Z[2]) <= I(X[1]; X[2])`, in quotes",
    )


def unknown_setting(span: Span, name: str, known: Sequence[str], *, hint: str = "") -> Diagnostic:
    """A key of a train block that does not exist."""
    return Diagnostic(
        slug="unknown-setting",
        title=f"`train` has no setting `{name}`",
        span=span,
        label="not a setting",
        remedy=hint or suggest(name, known, "settings"),
    )


def setting_given_twice(span: Span, name: str, first: Span) -> Diagnostic:
    """A key of a train block given twice."""
    return Diagnostic(
        slug="setting-given-twice",
        title=f"the setting `{name}` is given twice",
        span=span,
        label="given again here",
        secondary=(Label(first, "first given here"),),
        remedy="delete one of the two",
    )


def nothing_represented(span: Span) -> Diagnostic:
    """A spec without any encoder and without `represent`."""
    return Diagnostic(
        slug="nothing-represented",
        severity=Severity.WARNING,
        title="this method has no encoder, so it has no representation",
        span=span,
        label="no `encoder` statement",
        remedy="add an encoder, for example `encoder f: X -> Z = backbone()`",
    )
