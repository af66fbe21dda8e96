"""Variables that only some examples have: what is missing reaches no network, no loss and no gradient."""

import pytest
import torch
from torch import Tensor

import mvib
from mvib.compile import CompiledModel

PRESENT = torch.tensor([True, False, True, True, False, True, True, True, False, True])

DECODED = """method D
data A: vector, B: vector partial
encoder f: A -> U = mlp(8, norm: none)
decoder d: U ~> B = gaussian(mlp(16, norm: none), var: 1)
minimize H(B | U) by d
"""

ENCODED = """method E
data A: vector, B: vector partial
encoder f: A -> U = linear(4)
encoder g: B -> V = mlp(8, 4)
maximize I(U; V) by infonce(negatives: other_view)
"""


def batch(filling: float) -> dict[str, Tensor]:
    generator = torch.Generator().manual_seed(0)
    b = torch.randn(10, 5, generator=generator)
    b[~PRESENT] = filling
    return {"A": torch.randn(10, 3, generator=generator), "B": b, "B.present": PRESENT}


def build(text: str) -> CompiledModel:
    torch.manual_seed(0)
    return mvib.compile(mvib.loads(text), {"A": (10, 3), "B": (10, 5)})


@pytest.mark.parametrize("text", [DECODED, ENCODED], ids=["decoded", "encoded"])
@pytest.mark.parametrize("filling", [100.0, float("nan")])
def test_what_stands_in_missing_rows_changes_nothing(text: str, filling: float) -> None:
    plain, filled = build(text), build(text)
    first, second = plain(batch(0.0)).loss, filled(batch(filling)).loss
    torch.testing.assert_close(second, first, rtol=0, atol=0)
    first.backward()
    second.backward()
    for mine, other in zip(filled.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(mine.grad, other.grad, rtol=0, atol=0)
    statistics = [dict(model.named_buffers()) for model in (filled, plain)]
    torch.testing.assert_close(*statistics, rtol=0, atol=0)


def test_the_likelihood_is_one_of_whole_examples() -> None:
    model = build(DECODED)
    out = model(batch(0.0))
    full = {name: value[PRESENT] for name, value in batch(0.0).items()}
    torch.testing.assert_close(out.loss, model(full).loss)
    density = model(full).densities["d(U)"]
    torch.testing.assert_close(out.loss + out.constant, -density.log_prob(full["B"]).mean())


def test_examples_behind_a_term_are_counted() -> None:
    assert build(DECODED)(batch(0.0)).counts == {"H_B_U": 7}


def test_a_row_that_is_nan_throughout_is_missing() -> None:
    model = build(DECODED)
    given = batch(float("nan"))
    del given["B.present"]
    torch.testing.assert_close(model(given).loss, model(batch(0.0)).loss, rtol=0, atol=0)


def test_a_batch_that_has_nothing_for_any_term_can_be_stepped() -> None:
    model = build(DECODED)
    out = model({**batch(0.0), "B.present": torch.zeros(10, dtype=torch.bool)})
    assert out.loss.item() == 0
    out.loss.backward()
    assert all(p.grad is not None and not p.grad.any() for p in model.parameters())


def test_unlabelled_examples_of_a_term_have_its_other_partial_variables() -> None:
    text = """method U
data A: vector, B: vector partial, Y: label partial
encoder fb: B -> V = mlp(8)
maximize H(V) by variance_covariance on unlabelled(Y)
represent V
"""
    model = mvib.compile(mvib.loads(text), {"A": (12, 3), "B": (12, 5), "Y": 3})
    y = torch.tensor([0, 1, 2, 0, 1, 2] + [-1] * 6)
    batch = {"A": torch.rand(12, 3), "B": torch.randn(12, 5), "Y": y, "B.present": torch.arange(12) < 9}
    assert list(model(batch).counts.values()) == [3]


def test_a_term_of_which_an_instance_says_nothing_has_no_examples_behind_it() -> None:
    text = """method I
data A: vector, B: vector partial
encoder fa: A -> U[1] = mlp(8)
encoder fb: B -> U[2] = mlp(8)
maximize sum(i) H(U[i]) by variance_covariance
represent U[1]
"""
    model = mvib.compile(mvib.loads(text), {"A": (4, 3), "B": (4, 3)})
    assert list(model({"A": torch.rand(4, 3), "B": torch.full((4, 3), torch.nan)}).counts.values()) == [0]
