"""What the catalogue says of the shapes that a module takes and gives is what its builder does, on the meta device."""

from collections.abc import Mapping

import pytest
import torch

from mvib.catalogue import load_catalogue
from mvib.catalogue.signature import Features, Layout, ModuleEntry, Role
from mvib.compile.networks import build_module
from mvib.graph import Outline
from mvib.graph.outlines import find_misfit, outline_through
from mvib.nn.shapes import Shape, ShapeError
from mvib.semantics.values import BoundCall
from tests.semantics.spec_text import analysed

WIDTH = 24
SHAPES: Mapping[Layout, Shape] = {
    Layout.VECTOR: (WIDTH,),
    Layout.SEQUENCE: (9, WIDTH),
    Layout.MAP: (WIDTH, 8, 8),
}

# A call of each module that can take these shapes, and how many variables it takes.
CALLS = {
    "mlp(40, 12)": 1,
    "mlp(12, last_norm: true)": 1,
    "linear(12)": 1,
    "conv(8, 16)": 1,
    "conv(8, 16, pool: false)": 1,
    "resnet18(width: 2)": 1,
    "resnet18(width: 2, stem: imagenet)": 1,
    "identity()": 1,
    "pool()": 1,
    "flatten()": 1,
    "unit()": 1,
    "sigmoid()": 1,
    "standardize()": 1,
    "layer_norm()": 1,
    "whiten()": 1,
    "mean()": 2,
    "gru(12)": 1,
    "position(2)": 1,
    "axis(2, 5)": 1,
    "match()": 2,
    "match(count: 2, by: location)": 4,
    "local(40, 12)": 1,
    "vit(width: 12, depth: 1)": 1,
    "vit(width: 12, depth: 1, class_token: false)": 1,
    "transformer(width: 12, depth: 1)": 1,
    "predictor(width: 12, depth: 1)": 1,
    "linear_at()": 1,
    "at()": 2,
    "first()": 1,
    "rest()": 1,
    "softmax()": 1,
    "sharpen()": 1,
    "harden()": 1,
    "center()": 1,
    "sinkhorn()": 1,
    "prototypes(7)": 1,
    "codebook(7)": 1,
    "straight_through()": 2,
    "nearest(16)": 1,
}

MODULES = load_catalogue().modules


def bound(call: str, number: int) -> BoundCall:
    names = ["A", "B", "C", "D"][:number]
    data = ", ".join(f"{name}: vector" for name in names)
    # Whatever the check says of it: only the arguments are wanted.
    analysis = analysed(f"method M\ndata {data}\nencoder f: ({', '.join(names)}) -> Z = {call}\nrepresent Z\n")
    assert analysis.method is not None, analysis.diagnostics
    found = analysis.method.modules["f"].call
    assert found is not None
    return found


def layout_of(shape: Shape) -> Outline:
    layouts = {len(known): layout for layout, known in SHAPES.items()}
    return Outline(layout=layouts[len(shape)], features=shape[0] if len(shape) == 3 else shape[-1])


def built_shape(call: BoundCall, shape: Shape, number: int) -> Shape:
    entry = call.entry
    assert isinstance(entry, ModuleEntry)
    with torch.device("meta"):
        module = build_module(call, (shape,) * number if entry.separate else shape, None, target=shape)
        given = module(*[torch.empty(4, *shape)] * number)
    return tuple((given[0] if entry.placed and isinstance(given, tuple) else given).shape[1:])


def test_every_module_is_here() -> None:
    of_networks = {name for name, entry in MODULES.items() if entry.role is Role.NETWORK}
    # What stands for another network says nothing.
    # What takes tokens takes none of these numbers (`tests/compile`).
    of_networks -= {entry.name for entry in MODULES.values() if entry.words}
    assert of_networks - {call.partition("(")[0] for call in CALLS} == {"backbone"}
    assert MODULES["backbone"].output is None


@pytest.mark.parametrize("layout", Layout, ids=lambda layout: layout.name.lower())
@pytest.mark.parametrize("text", CALLS)
def test_the_catalogue_says_what_the_builder_does(text: str, layout: Layout) -> None:
    number, shape = CALLS[text], SHAPES[layout]
    call = bound(text, number)
    outlines = [layout_of(shape)] * number
    if find_misfit(call, outlines[0]) is not None:
        with pytest.raises(ShapeError, match="expected"):
            built_shape(call, shape, number)
        return
    said, found = outline_through(call, outlines), layout_of(built_shape(call, shape, number))
    assert said.layout is found.layout
    assert said.features in (None, found.features)
    entry = call.entry
    assert isinstance(entry, ModuleEntry)
    assert entry.output is not None
    is_said = entry.output.features is not Features.UNSAID
    is_flat = entry.output.features is not Features.FLATTENED or layout is Layout.VECTOR
    assert (said.features is not None) == (is_said and is_flat)


def test_the_words_name_the_layouts_that_are_taken() -> None:
    """A message says what a module takes in the words of its entry."""
    words = {
        Layout.VECTOR: "vectors in order",
        Layout.SEQUENCE: ", features)",
        Layout.MAP: "(channels, height, width)",
    }
    for entry in MODULES.values():
        if set(entry.layouts) != set(Layout):
            assert {layout for layout in Layout if words[layout] in entry.takes} == set(entry.layouts), entry.name
