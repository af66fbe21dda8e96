"""The information-path graph as relations: nodes with kinds, channels with weights, independence in p."""

import pytest

from mvib.graph import InformationGraph, find_realisations
from mvib.semantics.method import Member
from tests.semantics.spec_text import AUTOENCODER, TWO_VIEWS, analysed

SIMCLR = TWO_VIEWS + "encoder g: Z[i] -> P[i] = mlp(128, 64)\nmaximize I(P[1]; P[2]) by infonce()\nrepresent Z\n"
BYOL = """method BYOL
data    X: image
view    X[i: 1..2] ~ augment(X)
encoder f:  X[i] -> R[i] = backbone()
encoder g:  R[i] -> Z[i] = mlp(256, 64)
encoder ft: X[i] -> S[i] = ema(f, momentum: 0.99)
encoder gt: S[i] -> T[i] = ema(g, momentum: 0.99)
decoder q:  Z[i] ~> T[j] = vmf(mlp(256, 64), kappa: 2)
minimize sum(i != j) H(T[j] | Z[i]) by q
represent R
"""
VIB = """method VIB
data    X: image, Y: label
encoder e: X ~> Z = gaussian(mlp(64), dim: 8)
decoder q: Z ~> Y = categorical(linear(10))
minimize H(Y | Z) by q
"""
JOINT = """method Joint
data    A: vector, B: vector
view    V ~ noise(A)
view    W ~ noise(B)
encoder f: (V, W) -> Z = mlp(8)
encoder g: V -> L = mlp(8)
encoder h: W -> M = mlp(8)
maximize H(Z) by variance_covariance()
"""


def graph_of(text: str) -> InformationGraph:
    graph = analysed(text).graph
    assert graph is not None
    return graph


def member(text: str) -> Member:
    name, _, inside = text.rstrip("]").partition("[")
    return Member(name, tuple(int(number) for number in inside.split(",")) if inside else ())


def test_nodes_with_their_kinds() -> None:
    nodes = graph_of(BYOL).nx.nodes(data="kind")
    assert dict(nodes) == {
        "X": "data",
        **{f"X[{i}]": "view" for i in (1, 2)},
        **{f"{name}[{i}]": "representation" for name in "RZ" for i in (1, 2)},
        **{f"{name}[{i}]": "target" for name in "ST" for i in (1, 2)},
    }


def test_nodes_know_family_index_plate_and_type() -> None:
    data = graph_of(SIMCLR).nx.nodes["X[2]"]
    assert (data["family"], data["index"], data["plate"], data["type"]) == ("X", (2,), (("i", 1, 2),), "image")
    assert (data["observed"], data["partial"]) == (False, False)
    observed = graph_of(VIB.replace("label", "label partial")).nx.nodes["Y"]
    assert (observed["observed"], observed["partial"], observed["plate"]) == (True, True, ())


def test_nodes_are_in_topological_order() -> None:
    assert list(graph_of(SIMCLR).variables) == ["X", "X[1]", "X[2]", "Z[1]", "P[1]", "Z[2]", "P[2]"]


def test_edges_are_the_channels() -> None:
    edges = {(a, b, key) for a, b, key in graph_of(VIB).nx.edges(keys=True)}
    assert edges == {("X", "Z", "e"), ("Z", "Y", "q")}
    kinds = {key: (d["kind"], d["stochastic"]) for _, _, key, d in graph_of(BYOL).nx.edges(keys=True, data=True)}
    assert kinds == {
        "augment": ("view", True),
        "f": ("encoder", False),
        "g": ("encoder", False),
        "ft": ("encoder", False),
        "gt": ("encoder", False),
        "q": ("decoder", True),
    }


def test_channel_of_several_sources_has_an_edge_from_each() -> None:
    edges = graph_of(JOINT).nx.in_edges("Z", keys=True)
    assert set(edges) == {("V", "Z", "f"), ("W", "Z", "f")}


def test_two_decoders_between_the_same_variables_are_two_edges() -> None:
    text = AUTOENCODER + "decoder l: Z ~> X = laplace(mlp(64))\nminimize H(X | Z) by d\nminimize H(X | Z) by l\n"
    assert set(graph_of(text).nx["Z"]["X"]) == {"d", "l"}


@pytest.mark.parametrize(
    ("module", "attributes"),
    [
        ("mlp(8)", {"weights": "h", "ema_of": "", "stop_gradient": False, "frozen": False}),
        ("ema(f)", {"weights": "h", "ema_of": "f", "stop_gradient": True, "frozen": False}),
        ("stopgrad(f)", {"weights": "f", "ema_of": "", "stop_gradient": True, "frozen": False}),
        ("frozen(f)", {"weights": "h", "ema_of": "", "stop_gradient": False, "frozen": True}),
        ("frozen(mlp(8))", {"weights": "h", "ema_of": "", "stop_gradient": False, "frozen": True}),
    ],
)
def test_gradients_of_modules(module: str, attributes: dict[str, object]) -> None:
    graph = graph_of(TWO_VIEWS + f"encoder h: X[i] -> T[i] = {module}\nminimize H(T[1] | Z[2]) by mse()\n")
    data = graph.nx["X[1]"]["T[1]"]["h"]
    assert {key: data[key] for key in attributes} == attributes


def test_shared_weights_are_one_group() -> None:
    groups: dict[str, set[str]] = {}
    for _, target, data in graph_of(SIMCLR).nx.edges(data=True):
        groups.setdefault(data["weights"], set()).add(target)
    assert groups == {"augment": {"X[1]", "X[2]"}, "f": {"Z[1]", "Z[2]"}, "g": {"P[1]", "P[2]"}}


# ---- independence ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "first", "second", "given", "separated"),
    [
        (SIMCLR, "P[1]", "P[2]", "", False),
        (SIMCLR, "P[1]", "P[2]", "X", True),
        (SIMCLR, "P[1]", "P[2]", "X[1]", True),
        (SIMCLR, "P[1]", "P[2]", "Z[2]", True),
        (SIMCLR, "P[1]", "X", "Z[2]", False),
        (SIMCLR, "Z[1] P[1]", "Z[2] P[2]", "X", True),
        # Label - image - code is a Markov chain; the decoder about the label is not part of p.
        (VIB, "Y", "Z", "", False),
        (VIB, "Y", "Z", "X", True),
        # Nothing is assumed to be independent among the data.
        (JOINT, "A", "B", "", False),
        (JOINT, "L", "M", "", False),
        (JOINT, "L", "M", "A", True),
        # A collider: the joint code ties its sources once it is given.
        (JOINT, "V", "W", "A", True),
        (JOINT, "V", "W", "A Z", False),
        (JOINT, "L", "M", "A Z", False),
        (BYOL, "T[2]", "Z[1]", "X", True),
        (BYOL, "T[2]", "Z[2]", "X", False),
        (BYOL, "T[2]", "Z[2]", "X[2]", True),
    ],
)
def test_d_separation(text: str, first: str, second: str, given: str, separated: bool) -> None:
    graph = graph_of(text)
    assert graph.d_separated(first.split(), second.split(), given.split()) is separated
    assert graph.d_separated(second.split(), first.split(), given.split()) is separated


def test_d_separation_is_between_disjoint_sets_of_variables() -> None:
    graph = graph_of(SIMCLR)
    with pytest.raises(KeyError, match="Q"):
        graph.d_separated(["Q"], ["X"])
    with pytest.raises(ValueError, match="disjoint"):
        graph.d_separated(["X"], ["X"])
    with pytest.raises(ValueError, match="disjoint"):
        graph.d_separated(["X"], ["Z[1]"], ["X"])


# ---- derivations and realisations ------------------------------------------------------------------------------------


def test_derivations_run_from_data() -> None:
    graph = graph_of(BYOL)
    assert [c.module for c in graph.derivation(member("T[2]"))] == ["augment", "ft", "gt"]
    assert [str(c.target) for c in graph.derivation(member("Z[1]"))] == ["X[1]", "R[1]", "Z[1]"]
    assert graph.derivation(member("X")) == ()
    assert graph.maker(member("X")) is None


def test_ancestors() -> None:
    graph = graph_of(BYOL)
    assert graph.is_ancestor(member("X"), member("T[1]"))
    assert not graph.is_ancestor(member("X[1]"), member("T[2]"))
    assert not graph.is_ancestor(member("X"), member("X"))
    # Decoders are not part of p.
    assert not graph.is_ancestor(member("Z[1]"), member("T[2]"))


def test_realisations_of_a_predicted_variable() -> None:
    own, *predictions = find_realisations(graph_of(BYOL), member("T[2]"))
    assert (own.text, str(own.start), own.is_prediction) == ("augment, ft, gt", "X", False)
    assert [(p.text, str(p.start), p.is_prediction) for p in predictions] == [("q", "Z[1]", True), ("q", "Z[2]", True)]


def test_realisations_of_data() -> None:
    own, prediction = find_realisations(graph_of(AUTOENCODER), member("X"))
    assert (own.channels, own.start) == ((), member("X"))
    assert (prediction.text, str(prediction.start)) == ("d", "Z")
