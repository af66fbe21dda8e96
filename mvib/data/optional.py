"""Packages that only some data need, imported when they are asked for."""

import importlib
from types import ModuleType

from mvib.data.errors import DataError


def import_optional(package: str, *, needed_for: str, minimum: str) -> ModuleType:
    """Imports a package that mvib does not depend on.

    Args:
        package: its name, for `import` and for `pip install` alike; a constant of the program, never of the data.
        needed_for: what it is needed for, as the subject of a sentence.
        minimum: the oldest version that is safe or has what is used.

    Raises:
        DataError: it is not installed, or too old.
    """
    remedy = f"install it: `pip install '{package}>={minimum}'`"
    try:
        module = importlib.import_module(package)
    except ImportError as problem:
        title = f"{needed_for} needs the package `{package}`, which cannot be imported: {problem}"
        raise DataError(title, remedy) from problem
    version = str(getattr(module, "__version__", "0"))
    if _numbers(version) < _numbers(minimum):
        raise DataError(f"{needed_for} needs `{package}` {minimum} or newer, and {version} is installed", remedy)
    return module


def _numbers(version: str) -> tuple[int, ...]:
    parts = []
    for part in version.split("."):
        digits = "".join(c for c in part if c.isdigit()) if part[:1].isdigit() else ""
        if not digits:
            break
        parts.append(int(digits))
    return tuple(parts)
