"""Shape mistakes that sizes of data bring are found on the meta device and shown at the spec's line."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

import mvib
from mvib.catalogue.signature import Layout
from mvib.compile.compiler import compile_model
from mvib.compile.example import Example
from mvib.diagnostics import Diagnostic, render_text
from mvib.driver import Analysis, analyse, read_source
from mvib.graph import Outlines
from mvib.source import SourceFile

FOLDER = Path(__file__).parent.parent / "bad" / "shape-mismatch"
# What `mvib check` finds without sizes is pinned with the other checks.
OF_SIZES = sorted((FOLDER / "of-sizes").glob("*.mvib"))
OF_THE_GRAPH = sorted(FOLDER.glob("*.mvib"))
# The check marks the decoder that is a density of both, and the compiler the term.
MARKED_ELSEWHERE = {"reference_of_two_variables"}
EXAMPLE: Example = (8, 1, 8, 8)
BY_TYPE: dict[str, Example] = {"image": EXAMPLE, "vector": (8, 16), "sequence": (8, 6, 16), "label": 10}


def compiled_with(analysis: Analysis) -> tuple[Diagnostic, ...]:
    """What the compiler says of data of ordinary sizes."""
    assert analysis.graph is not None
    data = [variable for variable in analysis.graph.variables.values() if variable.is_observed]
    with pytest.raises(mvib.SpecError) as caught:
        compile_model(analysis, {variable.name: BY_TYPE[variable.type] for variable in data})
    return tuple(caught.value.diagnostics)


@pytest.mark.parametrize("path", OF_SIZES, ids=lambda path: path.stem)
def test_message(path: Path, golden: Callable[[str, Path], None]) -> None:
    analysis = analyse(read_source(path))
    assert analysis.diagnostics == (), render_text(analysis.diagnostics)
    found = compiled_with(analysis)
    assert {diagnostic.slug for diagnostic in found} == {"shape-mismatch"}
    text = render_text(found).replace(str(path), "$FILE")
    golden(text, Path("../bad/shape-mismatch/of-sizes") / f"{path.stem}.err")


@pytest.mark.parametrize("path", OF_THE_GRAPH, ids=lambda path: path.stem)
def test_what_the_check_finds_the_compiler_would_find_too(path: Path) -> None:
    """The check gives no false alarm, and nothing is said twice: the compiler begins behind it."""
    analysis = analyse(read_source(path))
    found = {diagnostic.span.start for diagnostic in analysis.diagnostics}
    assert compiled_with(analysis) == analysis.diagnostics
    unchecked = compiled_with(replace(analysis, diagnostics=()))
    assert {diagnostic.slug for diagnostic in unchecked} == {"shape-mismatch"}
    # A density is marked as a whole by the compiler, and the module inside it by the check.
    missed = {start for start in found if not any(d.span.start <= start <= d.span.end for d in unchecked)}
    assert not missed or path.stem in MARKED_ELSEWHERE, unchecked


# Bodies of specs of which the check has nothing to say and the compiler neither, though shapes are mixed.
SOUND = {
    "learned-variance": """
        encoder f: X -> Z = mlp(16, 8)
        encoder g: X -> W = mlp(16, 4)
        decoder q: W ~> Z = gaussian(mlp(16, 5))
        minimize H(sg(Z) | W) by q
        maximize H(Z) by uniformity
    """,
    "decoder-of-a-view": """
        view V ~ augment(X)
        encoder f: X -> Z = mlp(16, 8)
        decoder q: Z ~> V = gaussian(mlp(5), var: 1)
        minimize H(V | Z) by q
    """,
    "side-by-side": """
        encoder f: X -> Z = mlp(8)
        encoder g: X -> W = mlp(8)
        encoder h: (Z, W, Y) -> A = identity()
        encoder k: X -> B = mlp(16)
        minimize H(Z, W | B) by mse
        maximize I(Z, W; B) by distance_infonce
        maximize H(A) by variance_covariance
    """,
    "maps": """
        encoder f: X -> M = conv(8, 16, pool: false)
        encoder p: M -> N = prototypes(12)
        encoder l: M -> L = local(20, 12)
        encoder t: M -> T = position(3)
        encoder u: T -> U = linear(12)
        maximize I(N; L) by patch_infonce
        maximize I(U; L) by patch_infonce
        maximize H(T) by uniformity
    """,
    "noise-on-a-map": """
        encoder f: X -> M = conv(8, pool: false)
        encoder n: M ~> Z = gaussian(var: 1)
        encoder v: M ~> W = gaussian()
        encoder c: Z -> C = conv(16)
        maximize H(C) by uniformity
        maximize H(W) by uniformity
    """,
    "tokens": """
        view P ~ patches(X, size: 2)
        view (V, T) ~ split(P)
        encoder f: V -> E = vit(width: 12, depth: 1)
        encoder c: E -> C = first()
        encoder r: E -> R = rest()
        encoder m: R -> S = pool()
        decoder d: E ~> T = gaussian(predictor(width: 12, depth: 1), var: 1)
        minimize H(T | E) by d
        maximize I(C; S) by infonce
    """,
    "copies": """
        view W[i: 1..2] ~ augment(X)
        encoder f: W[i] -> Z[i] = resnet18(width: 2)
        encoder ft: W[i] -> T[i] = ema(f)
        encoder fz: W[i] -> F[i] = frozen(mlp(24, 16))
        decoder q: Z[i] ~> T[j] = vmf(mlp(32, 16), kappa: 2)
        minimize mean(i != j) H(T[j] | Z[i]) by q
        maximize mean(i) I(Z[i]; F[i]) by infonce
    """,
    "labels": """
        encoder f: X -> Z = mlp(8)
        encoder g: X -> W = mlp(8)
        encoder y: Y -> K = mlp(8)
        maximize I(Z, W; Y) by supcon
        minimize H(K | Z) by mse
    """,
    "critic": """
        encoder f: X -> Z = mlp(8)
        encoder g: X -> W = mlp(4)
        maximize I(Z; W) by infonce(critic: bilinear())
        maximize I(Z; W) by jsd(critic: joint(8))
        minimize I(Z; W) by hsic()
    """,
}
HEAD = "method A\ndata X: image, Y: label\n"
GOOD = {path.stem: path.read_text(encoding="utf-8") for path in sorted((FOLDER.parents[1] / "good").glob("*.mvib"))}
LAYOUTS = {1: Layout.VECTOR, 2: Layout.SEQUENCE, 3: Layout.MAP}


@pytest.mark.parametrize("text", [HEAD + body for body in SOUND.values()] + [*GOOD.values()], ids=[*SOUND, *GOOD])
def test_what_the_graph_says_of_shapes_is_what_is_compiled(text: str) -> None:
    analysis = analyse(SourceFile("spec.mvib", text), prove=False)
    assert analysis.is_sound, render_text(analysis.diagnostics)
    assert analysis.graph is not None
    variables = analysis.graph.variables
    example = {name: BY_TYPE[variable.type] for name, variable in variables.items() if variable.is_observed}
    shapes = compile_model(analysis, example).shapes
    outlines = Outlines(analysis.graph)
    for name in variables.keys() & shapes.keys():
        shape, said = shapes[name], outlines.of(variables[name].member)
        if shape:
            assert said.layout in (None, LAYOUTS[len(shape)]), name
            assert said.features in (None, shape[0] if len(shape) == 3 else shape[-1]), name


def test_abstract_modules_are_drawn_but_not_compiled() -> None:
    method = mvib.loads("method A\ndata X: image\nencoder f: X -> Z\nmaximize H(Z) by variance_covariance\n")
    with pytest.raises(mvib.SpecError, match="`f` has no module"):
        mvib.compile(method, {"X": EXAMPLE})
