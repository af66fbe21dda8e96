"""M2: a class that is not known is summed over."""

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from tests.specs.formulas.common import BATCH, assert_authors_by_parameters, compiled

CLASSES = 10


def bound(x: Tensor, logits: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """Kingma et al. 2014, equation 6 for one example without log p(y): -E log p(x|y,z) + KL(q(z|x,y) || p(z))."""
    p = torch.sigmoid(logits.flatten())
    likelihood = (x.flatten() * torch.log(p) + (1 - x.flatten()) * torch.log(1 - p)).sum()
    divergence = 0.5 * (mean**2 + std**2 - 1 - torch.log(std**2)).sum()
    return divergence - likelihood


@pytest.mark.parametrize(
    "given", [[3, -1, 0, -1, -1, 9, 2, -1, 3, -1, -1, -1], [-1] * 11 + [4], [1, 7, 7, 0, 2, 2, 9, 8, -1, 3, -1, 1]]
)
def test_m2_is_its_authors_objective(given: list[int]) -> None:
    labels = torch.tensor(given)
    run = compiled("m2", data={"Y": labels}, settings={"alpha": 0.3})
    x, out = run.batch["X"], run.out
    q = torch.softmax(out.variables["L"], dim=1)
    log_q = torch.log_softmax(out.variables["L"], dim=1)
    total = torch.zeros((), dtype=torch.float64)
    num_labelled = int((labels >= 0).sum())
    for i in range(BATCH):
        if labels[i] >= 0:
            code, image = out.densities["e((X, onehot(Y)))"], out.densities["d((onehot(Y), Z))"]
            total = total + bound(x[i], image.logits[i], code.mean[i], code.std[i]) / BATCH
            # alpha N / n_l for each of them, and the whole divided by N.
            total = total - 0.3 * log_q[i, labels[i]] / num_labelled
            continue
        for k in range(CLASSES):
            code, image = out.densities[f"e((X, E[{k + 1}]))"], out.densities[f"d((E[{k + 1}], V[{k + 1}]))"]
            total = total + q[i, k] * bound(x[i], image.logits[i], code.mean[i], code.std[i]) / BATCH
        total = total + (q[i] * log_q[i]).sum() / BATCH
    assert_authors_by_parameters(run, total)


def test_the_code_of_a_class_is_that_of_its_label() -> None:
    run = compiled("m2")
    for k in range(CLASSES):
        expected = F.one_hot(torch.full((BATCH,), k), CLASSES).double()
        torch.testing.assert_close(run.out.variables[f"E[{k + 1}]"], expected)
