"""iBOT against the official code: loss and gradients in float64, over two steps."""

import math
from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.specs.formulas.common import Compiled, assert_authors, compiled


def cross_entropy(target: Tensor, scores: Tensor, temperature: float) -> Tensor:
    """Of one row of probabilities and one of scores."""
    return -(target * torch.log_softmax(scores / temperature, dim=-1)).sum()


def ibot_loss(run: Compiled, centers: tuple[Tensor, Tensor], teacher_temp: float, teacher_patch_temp: float) -> Tensor:
    """`iBOTLoss.forward` of main_ibot.py without local crops: over ordered pairs of crops, their means."""
    student = run.variables("S[1]", "S[2]")
    teacher = [t.detach() for t in run.variables("T[1]", "T[2]")]
    crops, patches = [], []
    for i in range(len(student[0])):
        for q in (0, 1):
            of_class = torch.softmax((teacher[q][i, 0] - centers[0]) / teacher_temp, dim=-1)
            of_patches = torch.softmax((teacher[q][i, 1:] - centers[1]) / teacher_patch_temp, dim=-1)
            crops.append(cross_entropy(of_class, student[1 - q][i, 0], 0.1))
            visible = {tuple(token.tolist()) for token in run.out.variables[f"H[{q + 1}]"][i]}
            whole = run.out.variables[f"P[{q + 1}]"][i]
            hidden = [k for k in range(len(whole)) if tuple(whole[k].tolist()) in visible]
            assert len(hidden) == len(visible)
            losses = [cross_entropy(of_patches[k], student[q][i, 1 + k], 0.1) for k in hidden]
            patches.append(torch.stack(losses).sum() / len(hidden))
    return torch.stack(crops).mean() + torch.stack(patches).mean()


def moved(centers: tuple[Tensor, Tensor], teacher: list[Tensor]) -> tuple[Tensor, Tensor]:
    """`iBOTLoss.update_center`: the mean of class tokens, and that of all patches, hidden or not."""
    both = torch.cat(teacher).detach()
    of_class, of_patches = torch.zeros_like(centers[0]), torch.zeros_like(centers[1])
    for tokens in both:
        of_class = of_class + tokens[0] / len(both)
        of_patches = of_patches + tokens[1:].sum(dim=0) / (len(tokens) - 1) / len(both)
    return 0.9 * centers[0] + 0.1 * of_class, 0.9 * centers[1] + 0.1 * of_patches


# main_ibot.py, the defaults of its flags: class tokens at 0.04 throughout, patches from 0.04 to 0.07 over the first 30
# of 100 epochs.
@pytest.mark.parametrize(("progress", "patch_temp"), [(0.0, 0.04), (0.15, 0.055), (0.3, 0.07), (1.0, 0.07)])
def test_classes_of_other_crops_and_hidden_patches_of_the_same(progress: float, patch_temp: float) -> None:
    run = compiled("ibot", progress=progress)
    zero = torch.zeros(128, dtype=torch.float64)
    assert_authors(run, run.variables("S[1]", "S[2]"), lambda *_: ibot_loss(run, (zero, zero), 0.04, patch_temp))


def test_the_command_for_vit_small_sharpens_classes_less() -> None:
    run = compiled("ibot", settings={"crop_sharpness": 0.07})
    zero = torch.zeros(128, dtype=torch.float64)
    assert_authors(run, run.variables("S[1]", "S[2]"), lambda *_: ibot_loss(run, (zero, zero), 0.07, 0.04))


def test_centres_follow_classes_and_all_patches_of_both_crops_after_each_step() -> None:
    run = compiled("ibot")
    zero = torch.zeros(128, dtype=torch.float64)
    centers = (zero, zero)
    for step in (1, 2):
        centers = moved(centers, run.variables("T[1]", "T[2]"))
        run.model.after_step()
        torch.manual_seed(step)
        batch = {"X": torch.rand(8, 1, 8, 8, dtype=torch.float64)}
        run = replace(run, batch=batch, out=run.model(batch))
        assert_authors(run, run.variables("S[1]", "S[2]"), lambda *_: ibot_loss(run, centers, 0.04, 0.04))  # noqa: B023


@pytest.mark.parametrize("progress", [0.0, 0.25, 1.0])
def test_momentum_rises_along_a_cosine(progress: float) -> None:
    """main_ibot.py, `momentum_teacher` 0.996 to 1 by `cosine_scheduler`, for backbone, head and prototypes."""
    values = compiled("ibot", progress=progress).model.schedule_values()
    expected = 1 + 0.5 * (0.996 - 1) * (1 + math.cos(math.pi * progress))
    assert [values[f"{name}.momentum"] for name in ("ft", "gt", "pt")] == pytest.approx([expected] * 3, abs=1e-12)
