"""How wide a line of Times comes out, and how wide the layout program takes it for."""

import unicodedata
from collections.abc import Mapping
from types import MappingProxyType


def _by_character(*groups: tuple[str, int]) -> Mapping[str, int]:
    return MappingProxyType({character: width for characters, width in groups for character in characters})


# Widths of letters in thousandths of the size (Adobe Font Metrics, Times-Roman and Times-Italic).
_UPRIGHT = _by_character(
    ("'", 180), ("|", 200), (" ,.", 250), ("/:;\\ijlt", 278), ("!()-I[]`fr", 333), ("Js", 389), ('"', 408),
    ("?acez", 444), ("^", 469), ("{}", 480), ("#$*0123456789_bdghknopquvxy", 500), ("~", 541), ("FPS", 556),
    ("+<=>", 564), ("ELTZ", 611), ("BCR", 667), ("ADGHKNOQUVXYw", 722), ("&m", 778), ("%", 833), ("M", 889),
    ("@", 921), ("W", 944),
)  # fmt: skip
_ITALIC = _by_character(
    (" ", 250), ("fijlt", 278), ("'I", 333), ("rsz", 389), ("Jcekvxy", 444), ("0123456789S_abdghnopqu", 500),
    ("LTYZ", 556), ("ABEFPRVX", 611), ("CKNw", 667), ("DGHOQUm", 722), ("MW", 833),
)  # fmt: skip
# The layout program counts letters that its metrics lack by their bytes in UTF-8, each as wide as a blank.
_BYTE = 250
_WIDE, _CAPITAL, _SMALL, _OTHER = 1000, 740, 540, 500


def line_width(text: str, size: float, *, italic: bool) -> float:
    """The width in points that a line needs: that of its letters, or what the layout program reckons if it is more."""
    metrics = _ITALIC if italic else _UPRIGHT
    letters = sum(metrics.get(character) or _other_width(character) for character in text)
    return max(letters * size / 1000, reckoned_width(text, size, italic=italic))


def reckoned_width(text: str, size: float, *, italic: bool) -> float:
    """The width in points that the layout program takes a line for."""
    metrics = _ITALIC if italic else _UPRIGHT
    return sum(metrics.get(character) or _BYTE * len(character.encode()) for character in text) * size / 1000


def _other_width(character: str) -> int:
    if unicodedata.east_asian_width(character) in "WF":
        return _WIDE
    return {"Lu": _CAPITAL, "Ll": _SMALL, "Mn": 0}.get(unicodedata.category(character), _OTHER)
