"""Where the grammar and the bundled specs lie: inside the package in a wheel, beside it in a checkout."""

from functools import cache
from pathlib import Path

_PACKAGE = Path(__file__).parent


def grammar_text() -> str:
    """The grammar of the language, as Lark reads it."""
    return (_folder("grammar") / "mvib.lark").read_text(encoding="utf-8")


def specs_folder() -> Path:
    """The folder of the bundled specs."""
    return _folder("specs")


def bundled_specs() -> dict[str, Path]:
    """The bundled specs by name, in the order of their names.

    Returns:
        Paths by name; the name is the path inside the folder without its extension: `vicreg`, `review/cpc`.
    """
    return dict(_spec_paths(specs_folder()))


@cache
def _spec_paths(folder: Path) -> tuple[tuple[str, Path], ...]:
    # The folder is gone through once: every spec that extends another asks for it.
    paths = {path.relative_to(folder).with_suffix("").as_posix(): path for path in folder.rglob("*.mvib")}
    return tuple(sorted(paths.items()))


def diagnostic_pages() -> dict[str, Path]:
    """The pages about kinds of diagnostics by slug."""
    return {path.stem: path for path in sorted((_folder("docs") / "diagnostics").glob("*.md"))}


def _folder(name: str) -> Path:
    # A wheel carries the folder inside the package. An editable install imports the package from the checkout,
    # so what lies beside the package is never a copy.
    for folder in (_PACKAGE / name, _PACKAGE.parent / name):
        if folder.is_dir():
            return folder
    raise FileNotFoundError(f"mvib is installed without its folder `{name}`: install it again")
