"""Stretches of a spec on one line, and the labels that are made from them."""

import re
from collections.abc import Sequence

from mvib.source import Span
from mvib.syntax import ast

_COMMENT = re.compile(r"#[^\n]*")


def one_line(span: Span) -> str:
    """The text of a span without comments and line breaks."""
    return " ".join(_COMMENT.sub(" ", span.text).split())


def label_from_text(text: str) -> str:
    """The label of a term that has none: `I(Z[1]; Z[2])` becomes `I_Z1_Z2`."""
    without_brackets = re.sub(r"[\[\]]", "", text)
    return re.sub(r"[^\w']+", "_", without_brackets).strip("_")


def term_labels(terms: Sequence[ast.Term]) -> list[str]:
    """The label of each term: the user's, or one made from its text that no other term has.

    Labels of the user come first, wherever they stand, so that a made one never takes the place of one.
    """
    taken = {term.label.text for term in terms if term.label is not None}
    labels: list[str] = []
    for term in terms:
        if term.label is not None:
            labels.append(term.label.text)
            continue
        base = label_from_text(one_line(term.quantity.span))
        number, label = 1, base
        while label in taken:
            number += 1
            label = f"{base}_{number}"
        taken.add(label)
        labels.append(label)
    return labels
