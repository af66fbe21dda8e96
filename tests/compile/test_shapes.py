"""Shape mistakes are found on the meta device and shown at the spec's line."""

from collections.abc import Callable
from pathlib import Path

import pytest

import mvib
from mvib.compile.example import Example
from mvib.diagnostics import render_text

FOLDER = Path(__file__).parent.parent / "bad" / "shape-mismatch"
SPECS = sorted(FOLDER.glob("*.mvib"))
EXAMPLE: dict[str, Example] = {"X": (8, 1, 8, 8), "Y": 10}


@pytest.mark.parametrize("path", SPECS, ids=lambda path: path.stem)
def test_message(path: Path, golden: Callable[[str, Path], None]) -> None:
    specification = mvib.load(path)
    kind = specification.method.variables["X"].type
    example = {name: shape for name, shape in EXAMPLE.items() if name in specification.graph.variables}
    if kind == "vector":
        example["X"] = (8, 16)
    with pytest.raises(mvib.SpecError, match=path.name) as caught:
        mvib.compile(specification, example)
    assert {diagnostic.slug for diagnostic in caught.value.diagnostics} == {"shape-mismatch"}
    text = render_text(caught.value.diagnostics).replace(str(path), "$FILE")
    golden(text, Path("../bad/shape-mismatch") / f"{path.stem}.err")


def test_abstract_modules_are_drawn_but_not_compiled() -> None:
    method = mvib.loads("method A\ndata X: image\nencoder f: X -> Z\nmaximize H(Z) by variance_covariance\n")
    with pytest.raises(mvib.SpecError, match="`f` has no module"):
        mvib.compile(method, {"X": EXAMPLE["X"]})
