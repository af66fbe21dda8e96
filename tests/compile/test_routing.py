"""Where gradients and statistics go: `sg` in rates, references of rates, borrowed and frozen networks."""

import pytest
import torch
from torch import Tensor

import mvib
from mvib.compile import CompiledModel


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(0)
    return torch.rand(12, 1, 8, 8)


def build(text: str, x: Tensor) -> CompiledModel:
    torch.manual_seed(0)
    return mvib.compile(mvib.loads(text), {"X": x})


def moved(model: CompiledModel, x: Tensor) -> set[str]:
    """Networks that get a gradient."""
    model({"X": x}).loss.backward()
    return {
        name.removeprefix("networks.").partition(".")[0]
        for name, parameter in model.named_parameters()
        if parameter.grad is not None and parameter.grad.any()
    }


CODE = """method R
data X: image
encoder f: X -> R = conv(8)
encoder e: R ~> Z = gaussian(mlp(8), dim: 4)
encoder g: R ~> W = gaussian(mlp(8), dim: 4)
decoder b: W ~> Z = gaussian(mlp(8, 4), var: 1)
{term}
represent Z
"""


@pytest.mark.parametrize(
    ("term", "expected"),
    [
        ("minimize I(R; Z) by rate(normal)", {"f", "e"}),
        ("minimize I(sg(R); Z) by rate(normal)", {"e"}),
        ("minimize I(sg(R); Z) by rate(normal, form: sampled)", {"e"}),
        ("minimize I(R; sg(Z)) by rate(normal) minimize H(Z | W) by b", {"f", "e", "g", "b"}),
        ("minimize I(R; Z | sg(W)) by rate(b)", {"f", "e", "b"}),
        ("minimize I(R; sg(Z) | sg(W)) by rate(b)", {"b"}),
        ("minimize I(R; Z | W) by rate(b)", {"f", "e", "g", "b"}),
        ("minimize I(R; sg(Z)) by club() minimize I(R; W) by rate(normal)", {"f", "g"}),
    ],
)
def test_sg_cuts_the_gradient_of_rates(term: str, expected: set[str], x: Tensor) -> None:
    assert moved(build(CODE.format(term=term), x), x) == expected


def test_a_rate_takes_the_arrow_of_its_decoder_that_fits_the_condition(x: Tensor) -> None:
    text = """method R
data X: image
view X[i: 1..3] ~ noise(X)
encoder f: X[i] ~> Z[i] = gaussian(conv(8), dim: 4)
decoder b: Z[i] ~> Z[j] = gaussian(mlp(8, 4), var: 1)
minimize mean(i != j) I(X[i]; Z[i] | Z[j]) by rate(b)
"""
    model = build(text, x)
    out = model({"X": x})
    values = []
    for i in (1, 2, 3):
        own, code = out.densities[f"f(X[{i}])"], out.variables[f"Z[{i}]"]
        values += [
            (own.log_prob(code) - out.densities[f"b(Z[{j}])"].log_prob(code)).mean() for j in (1, 2, 3) if j != i
        ]
    torch.testing.assert_close(out.loss, torch.stack(values).mean())


def test_a_laplace_code_has_a_rate(x: Tensor) -> None:
    text = """method L
data X: image
encoder e: X ~> Z = laplace(conv(8), dim: 4)
minimize I(X; Z) by rate(normal{form})
"""
    out = build(text.format(form=""), x)({"X": x})
    code, density = out.variables["Z"], out.densities["e(X)"]
    normal = torch.distributions.Normal(0.0, 1.0).log_prob(code).sum(dim=1)  # type: ignore[no-untyped-call]
    torch.testing.assert_close(out.loss, (density.log_prob(code) - normal).mean())
    with pytest.raises(mvib.SpecError, match="has no closed form"):
        build(text.format(form=", form: analytic"), x)


def test_one_decoder_predicts_variables_of_one_shape() -> None:
    text = """method D
data A: vector, B: vector
encoder e: A ~> Z = gaussian(mlp(8), dim: 4)
decoder d: Z ~> A, Z ~> B = gaussian(mlp(8), var: 1)
minimize H(A | Z) by d
minimize H(B | Z) by d
"""
    with pytest.raises(mvib.SpecError, match="`d\\(Z\\)` is a density of"):
        mvib.compile(mvib.loads(text), {"A": (16, 12), "B": (16, 1)})


@pytest.mark.parametrize("estimator", ["infonce()", "cosine()", "variance_covariance()", "cross_correlation()"])
def test_estimators_of_rows_take_vectors(estimator: str, x: Tensor) -> None:
    forms = {"cosine()": "minimize H(S[1] | S[2])", "variance_covariance()": "maximize H(S[1])"}
    text = f"""method V
data X: image
view X[i: 1..2] ~ noise(X)
encoder s: X[i] -> S[i] = identity
{forms.get(estimator, "maximize I(S[1]; S[2])")} by {estimator}
"""
    with pytest.raises(mvib.SpecError, match="takes vectors, and `S\\[1\\]` is"):
        build(text, x)


def test_borrowed_and_frozen_networks_keep_their_statistics(x: Tensor) -> None:
    text = """method S
data X: image
encoder f: X -> Z = conv(8)
encoder s: X -> T = stopgrad(f)
encoder g: X -> W = frozen(conv(8))
minimize H(Z | T) by mse()
minimize H(Z | W) by mse()
"""
    model = build(text, x)
    before = {name: value.clone() for name, value in model.named_buffers() if "networks.g" in name}
    model({"X": x})
    counts = [int(value) for name, value in model.named_buffers() if "networks.f" in name and "num_batches" in name]
    assert counts
    assert set(counts) == {1}
    assert before
    for name, value in model.named_buffers():
        if name in before:
            torch.testing.assert_close(value, before[name], rtol=0, atol=0)
