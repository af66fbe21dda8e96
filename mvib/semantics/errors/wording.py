"""Phrases that several messages share."""

from collections.abc import Iterable

from mvib.diagnostics import nearest, quoted_list


def suggest(name: str, known: Iterable[str], kind: str, *, otherwise: str = "") -> str:
    """The nearest known name, or a list of what there is.

    Args:
        name: what was written.
        known: the names there are.
        kind: what they are, in the plural.
        otherwise: what to do when none of them is meant.
    """
    names = sorted(set(known))
    meant = nearest(name, names)
    if meant is not None:
        return f"did you mean `{meant}`?"
    listed = f"the {kind} are {quoted_list(names)}" if len(names) > 1 else ""
    if not listed:
        listed = f"there is only `{names[0]}`" if names else f"there are no {kind} yet"
    return f"{listed}; {otherwise}" if otherwise else listed


def counted(count: int, singular: str, plural: str) -> str:
    """`1 index`, `2 indices`."""
    return f"{count} {singular if count == 1 else plural}"


def short(text: str) -> str:
    """Text of the user on one line, for a title or a label."""
    joined = " ".join(text.split())
    return joined if len(joined) <= 60 else joined[:57] + "..."
