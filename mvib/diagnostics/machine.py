"""Diagnostics for programs: JSON for editors, SARIF 2.1.0 for code-scanning services."""

import json
from collections.abc import Iterable
from typing import Any

from mvib.diagnostics.diagnostic import Diagnostic, Severity
from mvib.source import Span

_SARIF_LEVELS = {Severity.ERROR: "error", Severity.WARNING: "warning", Severity.NOTE: "note"}


def render_json(diagnostics: Iterable[Diagnostic]) -> str:
    """A JSON array of objects with slug, severity, title, place, label, secondary places, why and remedy.

    Lines and columns count from 1; `end_column` lies behind the last character.
    """
    return json.dumps([_as_object(diagnostic) for diagnostic in diagnostics], indent=2, ensure_ascii=False)


def render_sarif(diagnostics: Iterable[Diagnostic], *, version: str) -> str:
    """A SARIF 2.1.0 log with one run of the tool `mvib`."""
    found = list(diagnostics)
    slugs = sorted({diagnostic.slug for diagnostic in found})
    driver = {"name": "mvib", "version": version, "rules": [{"id": slug} for slug in slugs]}
    results = [
        {
            "ruleId": diagnostic.slug,
            "ruleIndex": slugs.index(diagnostic.slug),
            "level": _SARIF_LEVELS[diagnostic.severity],
            "message": {"text": "\n".join(filter(None, (diagnostic.title, diagnostic.why, diagnostic.remedy)))},
            "locations": [{"physicalLocation": _sarif_place(diagnostic.span)}],
            "relatedLocations": [
                {"physicalLocation": _sarif_place(label.span), "message": {"text": label.text}}
                for label in diagnostic.secondary
            ],
        }
        for diagnostic in found
    ]
    log = {
        "$schema": "https://json.schemastore.org/sarif-2.1.0.json",
        "version": "2.1.0",
        "runs": [{"tool": {"driver": driver}, "results": results}],
    }
    return json.dumps(log, indent=2, ensure_ascii=False)


def _as_object(diagnostic: Diagnostic) -> dict[str, Any]:
    return {
        "slug": diagnostic.slug,
        "severity": diagnostic.severity.value,
        "title": diagnostic.title,
        **_place(diagnostic.span),
        "label": diagnostic.label,
        "secondary": [{**_place(label.span), "label": label.text} for label in diagnostic.secondary],
        "why": diagnostic.why,
        "remedy": diagnostic.remedy,
    }


def _place(span: Span) -> dict[str, Any]:
    return {
        "file": span.source.name,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }


def _sarif_place(span: Span) -> dict[str, Any]:
    return {
        "artifactLocation": {"uri": span.source.name},
        "region": {
            "startLine": span.line,
            "startColumn": span.column,
            "endLine": span.end_line,
            "endColumn": span.end_column,
        },
    }
