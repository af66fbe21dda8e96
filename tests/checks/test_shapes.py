"""What cannot be compiled for data of any size is found without them, and nothing is said where anything is unknown."""

import pytest

from mvib.diagnostics import Severity
from mvib.driver import analyse
from mvib.graph import Outlines
from mvib.source import SourceFile
from tests.semantics.spec_text import analysed

SLUG = "shape-mismatch"


def titles(body: str, overrides: dict[str, str] | None = None) -> list[str]:
    text = f"method M\ndata X: image, V: vector, S: sequence, Y: label\n{body}"
    found = [d for d in analysed(text, overrides).diagnostics if d.slug == SLUG]
    assert {d.severity for d in found} <= {Severity.ERROR}
    return [d.title for d in found]


@pytest.mark.parametrize(
    ("source", "module", "given"),
    [
        ("V", "conv(8)", "`V` gives it a vector"),
        ("S", "conv(8)", "`S` gives it a sequence (steps, features)"),
        ("V", "resnet18()", "`V` gives it a vector"),
        ("Y", "pool()", "`onehot(Y)` gives it a vector"),
        ("V", "vit()", "`V` gives it a vector"),
        ("X", "transformer()", "`X` gives it an image (channels, height, width)"),
        ("X", "first()", "`X` gives it an image (channels, height, width)"),
        ("X", "gru(8)", "`X` gives it an image (channels, height, width)"),
        ("(X, V)", "conv(8)", "`(X, V)` gives it a vector"),
        ("(S, V)", "at()", "`V` gives it a vector"),
        ("X", "frozen(transformer())", "`X` gives it an image (channels, height, width)"),
    ],
)
def test_a_module_that_cannot_take_it(source: str, module: str, given: str) -> None:
    (title,) = titles(f"encoder f: {source} -> Z = {module}\nmaximize H(Z) by uniformity\n")
    assert title.startswith(f"`{module.removeprefix('frozen(').partition('(')[0]}` takes ")
    assert title.endswith(f", and {given}")


@pytest.mark.parametrize(
    ("source", "module"),
    [
        ("X", "conv(8)"),
        ("X", "vit()"),
        ("S", "vit()"),
        ("S", "gru(8)"),
        ("(V, V)", "gru(8)"),
        ("S", "local(8)"),
        ("V", "mlp(8)"),
        ("(X, V, Y)", "mlp(8)"),
        ("(X, S)", "match()"),
        ("V", "backbone()"),
    ],
)
def test_a_module_that_can(source: str, module: str) -> None:
    assert titles(f"encoder f: {source} -> Z = {module}\n") == []


def test_behind_what_is_unknown_nothing_is_said() -> None:
    assert titles("encoder f: V -> A = backbone()\nencoder g: A -> B = conv(8)\n") == []
    assert titles("encoder f: V -> A\nencoder g: A -> B = conv(8)\n") == []
    # Nor behind a mistake, which is said once.
    assert len(titles("encoder f: V -> A = conv(8)\nencoder g: A -> B = conv(8)\n")) == 1


def test_one_statement_makes_one_mistake() -> None:
    views = "view W[i: 1..3] ~ noise(V)\n"
    assert len(titles(f"{views}encoder f: W[i] -> Z[i] = conv(8)\nencoder t: W[i] -> T[i] = ema(f)\n")) == 1
    assert len(titles(f"{views}encoder f[i: 1..3]: W[i] -> Z[i] = conv(8)\n")) == 1


def test_widths_that_are_parameters_are_known() -> None:
    body = (
        "param d = 8\nencoder f: X -> A = mlp(16, d)\nencoder g: X -> B = mlp(16, 4)\n"
        "minimize H(A | B) by mse\nmaximize H(A) by uniformity\n"
    )
    assert titles(body) == [
        "`mse` compares variables of one shape: `A` is a vector of 8 and `B` is a vector of 4",
    ]
    assert titles(body, {"d": "4"}) == []


@pytest.mark.parametrize(
    ("net", "expected"),
    [
        ("vmf(mlp(32, 8), kappa: 2)", "width 8"),
        ("vmf(kappa: 2)", "width 12"),
        ("gaussian(linear(8), var: 1)", "width 8"),
        ("gaussian(mlp(16), var: 1, dim: 8)", "width 8"),
        ("gaussian(mlp(16), dim: 8)", "width 8"),
        ("bernoulli(mlp(8))", "width 8"),
        ("gaussian(mlp(8))", ""),
        ("laplace(mlp(8))", ""),
        ("gaussian(mlp(32, 16), var: 1)", ""),
        ("gaussian(mlp(8), dim: 16)", ""),
        ("vmf(backbone(), kappa: 2)", ""),
    ],
)
def test_decoders_end_in_the_width_of_what_they_predict(net: str, expected: str) -> None:
    body = "encoder f: X -> A = mlp(16)\nencoder g: X -> B = mlp(12)\ndecoder q: B ~> A = {}\nminimize H(A | B) by q\n"
    found = titles(body.format(net))
    assert len(found) == bool(expected)
    assert all(f"which takes width 16, and is given {expected.split()[1]}" in title for title in found)
    # The data's width is not known, and a head adapts to it.
    assert titles(body.format(net).replace("A = mlp(16)", "A = backbone()")) == []


@pytest.mark.parametrize(
    ("module", "shape"),
    [
        ("conv(8, 16, pool: false)", "an image (channels, height, width) of 16 channels"),
        ("vit(width: 24)", "a sequence (steps, features) of 24 features"),
        ("resnet18(width: 16)", "a vector of 128"),
        ("prototypes(9)", "an image (channels, height, width) of 9 channels"),
        ("identity()", "an image (channels, height, width)"),
        ("backbone()", "something"),
    ],
)
def test_shapes_in_words(module: str, shape: str) -> None:
    analysis = analysed(f"method M\ndata X: image\nencoder f: X -> Z = {module}\n")
    assert analysis.graph is not None
    assert str(Outlines(analysis.graph).of(analysis.graph.variables["Z"].member)) == shape


def test_features_without_a_layout() -> None:
    """Behind a backbone nobody knows whether there is a map; its scores are as many as there are prototypes."""
    body = "encoder f: X -> R = backbone()\nencoder p: R -> P = prototypes({})\nencoder q: R -> Q = prototypes(8)\n"
    term = "minimize H(P | Q) by mse\n"
    assert titles(body.format(8) + term) == []
    assert titles(body.format(9) + term) == [
        "`mse` compares variables of one shape: `P` is something of 9 features and `Q` is something of 8 features",
    ]


def test_a_comment_allows_it() -> None:
    text = "method M\ndata V: vector\n# allow: shape-mismatch because it is the example\nencoder f: V -> Z = conv(8)\n"
    assert SLUG not in {d.slug for d in analysed(text).diagnostics}


def test_encoders_that_copy_each_other_are_no_endless_loop() -> None:
    text = "method M\ndata V: vector\nencoder f: V -> A = frozen(g)\nencoder g: V -> B = frozen(f)\nrepresent A\n"
    assert SLUG not in {d.slug for d in analysed(text).diagnostics}


@pytest.mark.parametrize(
    "text",
    [
        "data X: image\nencoder f: X -> Z = mlp(8)\nencoder h: Z -> P = conv(8)\n"
        "maximize H(Z) by variance_covariance()\nrepresent Z\n",
        "data X: vector, U: vector\nencoder f: X -> Z = mlp(8)\nencoder g: U -> W = mlp(6)\n"
        "encoder k: X -> V = mlp(6)\ndecoder q: Z ~> V, U ~> Z = gaussian(mlp(6), var: 1)\n"
        "minimize H(V | Z) by q\nmaximize H(V) by variance_covariance()\nrepresent Z\n",
    ],
)
def test_what_nothing_needs_is_not_judged(text: str) -> None:
    """The compiler leaves it out, and a child cannot drop the encoders of its parent."""
    assert "shape-mismatch" not in {one.slug for one in analyse(SourceFile("m.mvib", f"method M\n{text}")).diagnostics}


def test_of_estimators_about_data_as_they_are_it_only_warns() -> None:
    text = "method M\ndata X: image\nencoder f: X -> Z = conv(8)\nmaximize I[f](X; Z) by infonce()\n"
    (found,) = (one for one in analyse(SourceFile("m.mvib", text)).diagnostics if one.slug == "shape-mismatch")
    assert found.severity is Severity.WARNING
