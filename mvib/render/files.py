"""The formats of a diagram, and a diagram as the content of a file."""

from pathlib import Path

from mvib.render.compose import Drawable
from mvib.render.dot import render_dot
from mvib.render.image import IMAGE_FORMATS, render_image
from mvib.render.mermaid import render_mermaid
from mvib.render.tikz import render_tikz
from mvib.writing import write_whole

_TEXT_FORMATS = {"dot": render_dot, "tex": render_tikz, "mmd": render_mermaid}
FORMATS = (*IMAGE_FORMATS, *_TEXT_FORMATS)


def format_of(path: Path) -> str:
    """The format that the ending of a path names.

    Raises:
        ValueError: it names none.
    """
    ending = path.suffix.removeprefix(".").lower()
    if ending not in FORMATS:
        known = ", ".join(f".{form}" for form in FORMATS)
        raise ValueError(f"the ending of `{path.name}` names no format of a diagram; there are {known}")
    return ending


def render_content(analysis: Drawable, form: str) -> bytes:
    """The diagram of a sound spec as the content of a file.

    Args:
        analysis: of a sound spec.
        form: one of `FORMATS`.

    Raises:
        ValueError: no such format.
        LayoutError: the layout program failed, or cannot write the format.
    """
    if form in _TEXT_FORMATS:
        return _TEXT_FORMATS[form](analysis).encode()
    return render_image(render_dot(analysis), form)


def render_svg(analysis: Drawable) -> str:
    """The diagram of a sound spec as SVG text.

    Raises:
        LayoutError: the layout program failed.
    """
    return render_content(analysis, "svg").decode()


def render_file(analysis: Drawable, path: Path) -> None:
    """Write the diagram of a sound spec, the format by the ending of the path; whole or not at all.

    Raises:
        ValueError: the ending names no format.
        LayoutError: the layout program failed, or cannot write the format.
        OSError: the file cannot be written.
    """
    write_whole(path, render_content(analysis, format_of(path)))
