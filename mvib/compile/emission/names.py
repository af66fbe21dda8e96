"""Identifiers of the written file: from names that a spec chose freely to names that Python takes, each one once."""

import builtins
import keyword
import re
import unicodedata
from collections.abc import Iterable

from torch import nn

# What an attribute of a module may not be called, and what no name of a file should hide.
ATTRIBUTES = frozenset(dir(nn.Module()))
WORDS = frozenset(keyword.kwlist) | frozenset(keyword.softkwlist) | frozenset(dir(builtins)) | {"self", "torch", "nn"}


def identifier(text: str) -> str:
    """A name as close to a text as Python allows: `Z[1]` is `Z_1`, `unit(Z[1])` is `unit_Z_1`."""
    plain = unicodedata.normalize("NFKC", text)
    if plain.isidentifier():
        return plain
    plain = re.sub(r"\W+", "_", plain).strip("_")
    if not plain or not plain.isidentifier():
        plain = re.sub(r"[^0-9A-Za-z_]+", "_", f"v_{plain}")
    return plain


class Names:
    """Names of one scope: each key has its own, the same whenever it is asked for."""

    def __init__(self, reserved: Iterable[str] = ()) -> None:
        """Start with names that are not given away."""
        self._taken = set(WORDS) | set(reserved)
        self._given: dict[object, str] = {}

    @property
    def given(self) -> frozenset[str]:
        """All names given away."""
        return frozenset(self._given.values())

    def of(self, key: object, text: str, *, otherwise: str = "") -> str:
        """The name of a key, made from a text the first time; `otherwise` where that one is taken."""
        if key not in self._given:
            first = identifier(text)
            candidates = [first, *([identifier(otherwise)] if otherwise else [])]
            name = next((name for name in candidates if name not in self._taken), "")
            number = 2
            while not name:
                numbered = f"{candidates[-1]}_{number}"
                name = numbered if numbered not in self._taken else ""
                number += 1
            self._taken.add(name)
            self._given[key] = name
        return self._given[key]
