"""useless-allowance: comments `# allow: SLUG because REASON`, which silence a finding on their statement."""

import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from mvib.diagnostics import Diagnostic, Severity, nearest
from mvib.source import SourceFile
from mvib.syntax import ast

_ALLOWANCE = re.compile(r"#+\s*allow:\s*(?P<slug>[^\s,;]*)\s*(?P<rest>.*)")
_REASON = re.compile(r"because\s+\S")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Allowance:
    """One such comment.

    Attributes:
        slug: what it silences.
        comment: where it stands.
        statement: the statement it is about; None behind the last one.
        is_reasoned: whether it gives a reason.
    """

    slug: str
    comment: ast.Comment
    statement: ast.Statement | None
    is_reasoned: bool


def silence(
    spec: ast.Spec,
    source: SourceFile,
    diagnostics: Sequence[Diagnostic],
    *,
    of_checks: Collection[Diagnostic],
    slugs: Collection[str],
    proved: bool = True,
) -> tuple[Diagnostic, ...]:
    """The findings that no comment of the spec or its parents allows, and those about such comments.

    Args:
        spec: the tree, inherited statements included.
        source: the file; a comment of a parent that silences nothing is not its child's mistake.
        diagnostics: all findings.
        of_checks: those that checks made. Errors of other stages cannot be silenced: such a spec has no meaning.
        slugs: every kind of finding there is.
        proved: whether the claims were proved; where not, nobody can say that a comment at a claim allows nothing.
    """
    allowances = list(_allowances(spec))
    if not allowances:
        return tuple(diagnostics)
    silenced = {
        index
        for index, diagnostic in enumerate(diagnostics)
        if (not diagnostic.is_error or diagnostic in of_checks)
        and any(_is_about(allowance, diagnostic) for allowance in allowances)
    }
    quiet = [diagnostics[index] for index in silenced]
    return (
        *(diagnostic for index, diagnostic in enumerate(diagnostics) if index not in silenced),
        *(
            found
            for allowance in allowances
            if allowance.comment.span.source is source and (proved or not isinstance(allowance.statement, ast.Claim))
            for found in _judge(allowance, quiet, diagnostics, slugs)
        ),
    )


def _allowances(spec: ast.Spec) -> Iterator[_Allowance]:
    pairs = [(comment, statement) for statement in spec.statements for comment in statement.comments]
    for comment, statement in (*pairs, *((comment, None) for comment in spec.closing)):
        match = _ALLOWANCE.fullmatch(comment.text)
        if match is not None:
            reasoned = _REASON.match(match["rest"]) is not None
            yield _Allowance(slug=match["slug"], comment=comment, statement=statement, is_reasoned=reasoned)


def _is_about(allowance: _Allowance, diagnostic: Diagnostic) -> bool:
    statement = allowance.statement
    return statement is not None and allowance.slug == diagnostic.slug and statement.span.contains(diagnostic.span)


def _judge(
    allowance: _Allowance, quiet: Sequence[Diagnostic], found: Sequence[Diagnostic], slugs: Collection[str]
) -> Iterator[Diagnostic]:
    if allowance.slug not in slugs:
        meant = nearest(allowance.slug, slugs)
        yield _useless(
            allowance,
            f"there is no check `{allowance.slug}` to allow"
            if allowance.slug
            else "this comment does not say what to allow",
            "no kind of diagnostic",
            f"did you mean `# allow: {meant} because ...`?"
            if meant is not None
            else "write `# allow: SLUG because REASON`, with the slug that stands in the brackets of the message",
        )
    elif not any(_is_about(allowance, diagnostic) for diagnostic in quiet):
        refused = any(_is_about(allowance, diagnostic) for diagnostic in found)
        yield _useless(
            allowance,
            f"`{allowance.slug}` cannot be allowed here: without it the spec has no meaning"
            if refused
            else f"nothing is found here that `{allowance.slug}` would allow",
            "silences nothing",
            "mend the spec, and delete the comment"
            if refused
            else "delete it, or move it above the statement it is about",
        )
    elif not allowance.is_reasoned:
        yield _useless(
            allowance,
            f"`{allowance.slug}` is allowed without a reason",
            "no reason",
            f"write `# allow: {allowance.slug} because REASON`",
        )


def _useless(allowance: _Allowance, title: str, label: str, remedy: str) -> Diagnostic:
    return Diagnostic(
        slug="useless-allowance",
        severity=Severity.WARNING,
        title=title,
        span=allowance.comment.span,
        label=label,
        remedy=remedy,
    )
