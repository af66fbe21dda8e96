"""iBOT against the official code: loss and gradients in float64."""

import pytest
import torch
from torch import Tensor

from tests.specs.formulas.common import assert_authors, compiled


def cross_entropy(target: Tensor, scores: Tensor, temperature: float) -> Tensor:
    """Of one row of probabilities and one of scores."""
    return -(target * torch.log_softmax(scores / temperature, dim=-1)).sum()


@pytest.mark.parametrize("progress", [0.0, 0.2, 1.0])
def test_classes_of_other_crops_and_hidden_patches_of_the_same(progress: float) -> None:
    run = compiled("ibot", progress=progress)
    sharpness = 0.04 + 0.03 * min(1.0, progress / 0.3)

    def formula(s1: Tensor, s2: Tensor, t1: Tensor, t2: Tensor) -> Tensor:
        student, teacher = [s1, s2], [t1.detach(), t2.detach()]
        crops, patches = [], []
        for i in range(len(s1)):
            for v in (0, 1):
                # No centre has been taken up before the first step.
                target = torch.softmax(teacher[v][i] / sharpness, dim=-1)
                crops.append(cross_entropy(target[0], student[1 - v][i, 0], 0.1))
                visible = {tuple(token.tolist()) for token in run.out.variables[f"H[{v + 1}]"][i]}
                whole = run.out.variables[f"P[{v + 1}]"][i]
                hidden = [k for k in range(len(whole)) if tuple(whole[k].tolist()) in visible]
                assert len(hidden) == len(visible)
                losses = [cross_entropy(target[1 + k], student[v][i, 1 + k], 0.1) for k in hidden]
                patches.append(torch.stack(losses).sum() / len(hidden))
        return torch.stack(crops).mean() + torch.stack(patches).mean()

    assert_authors(run, run.variables("S[1]", "S[2]", "T[1]", "T[2]"), formula)
