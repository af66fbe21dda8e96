"""Masked modelling against the authors' formulas: loss and gradients in float64."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor

from tests.specs.formulas.common import Compiled, assert_authors, compiled

PATCH = 2


def patchify(images: Tensor) -> Tensor:
    """`patchify` of MAE: numbers of a patch ordered by row, column, channel."""
    n, c, height, width = images.shape
    x = images.reshape(n, c, height // PATCH, PATCH, width // PATCH, PATCH)
    x = torch.einsum("nchpwq->nhwpqc", x)
    return x.reshape(n, (height // PATCH) * (width // PATCH), PATCH**2 * c)


def unpatchify(patches: Tensor, like: Tensor) -> Tensor:
    """`unpatchify` of MAE."""
    n, c, height, width = like.shape
    x = patches.reshape(n, height // PATCH, width // PATCH, PATCH, PATCH, c)
    return torch.einsum("nhwpqc->nchpwq", x).reshape(n, c, height, width)


def places_of(tokens: Tensor, patches: Tensor) -> list[list[int]]:
    """Which patch each token is; no two patches of an image drawn at random are alike."""
    same = (tokens[:, :, None] == patches[:, None]).all(dim=3)
    assert (same.sum(dim=2) == 1).all()
    return [[int(row.nonzero()) for row in example] for example in same]


def put(values: Tensor, places: list[list[int]], num: int) -> Tensor:
    """Values at their places among `num`, and zeros elsewhere: what the authors' networks give for visible patches."""
    whole = torch.zeros(len(values), num, values.shape[2], dtype=values.dtype)
    rows = torch.arange(len(values))[:, None].expand(-1, values.shape[1])
    return whole.index_put((rows, torch.tensor(places)), values)


def hidden_of(run: Compiled) -> tuple[Tensor, list[list[int]], Tensor]:
    """All patches, which of them are hidden, and a mask that is 1 there."""
    patches = patchify(run.batch["X"])
    places = places_of(run.variables("T")[0], patches)
    mask = torch.zeros(patches.shape[:2], dtype=patches.dtype)
    for example, hidden in enumerate(places):
        for token in hidden:
            mask[example, token] = 1
    return patches, places, mask


# ---- MAE and what is added to it -------------------------------------------------------------------------------------


def mae_loss(target: Tensor, pred: Tensor, mask: Tensor) -> Tensor:
    """`forward_loss` of MAE with `norm_pix_loss`."""
    mean = target.mean(dim=-1, keepdim=True)
    var = target.var(dim=-1, keepdim=True)
    target = (target - mean) / (var + 1.0e-6) ** 0.5
    loss = (pred - target) ** 2
    loss = loss.mean(dim=-1)
    return (loss * mask).sum() / mask.sum()


def mae_part(run: Compiled, prediction: Tensor) -> Tensor:
    patches, places, mask = hidden_of(run)
    assert (mask.sum(dim=1) == 16 - int(16 * (1 - 0.75))).all()
    return mae_loss(patches, put(prediction, places, 16), mask)


def prediction_of(run: Compiled, target: str) -> Tensor:
    """What the only decoder says of a target."""
    (density,) = [density for name, density in run.out.densities.items() if name.endswith(f"-> {target})")]
    mean: Tensor = density.mean
    return mean


def test_mae() -> None:
    run = compiled("mae")
    assert_authors(run, [prediction_of(run, "N")], lambda prediction: mae_part(run, prediction))


def test_mae_hides_another_share() -> None:
    run = compiled("mae", settings={"ratio": 0.5})
    _, _, mask = hidden_of(run)
    assert (mask.sum(dim=1) == 8).all()


def test_the_printed_losses_of_mae() -> None:
    """The catalogue's vector: its image, prediction and mask, with normalised pixels and as they are."""
    c, h, w = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (3, 4, 4)), indexing="ij")
    patches = patchify(torch.sin(c + 2 * h + 3 * w + 1)[None])
    token, pixel = torch.meshgrid(*(torch.arange(n, dtype=torch.float64) for n in (4, 12)), indexing="ij")
    loss = mae_loss(patches, torch.cos(pixel + 5 * token)[None], torch.tensor([[1.0, 0, 1, 1]], dtype=torch.float64))
    torch.testing.assert_close(loss.item(), 1.222021, rtol=0, atol=5.1e-7)


def uniformity_loss(features: Tensor) -> Tensor:
    """Official code of U-MAE, pair by pair."""
    total = torch.zeros((), dtype=features.dtype)
    for one in features:
        for other in features:
            total = total + (one @ other / (one.norm() * other.norm())) ** 2
    return total / len(features) ** 2


def test_umae() -> None:
    run = compiled("umae")
    outputs = [prediction_of(run, "N"), *run.variables("C")]
    assert_authors(run, outputs, lambda pred, features: mae_part(run, pred) + 0.01 * uniformity_loss(features))


def coding_rate_loss(features: Tensor, mu: float, *, centering: bool) -> Tensor:
    """`uniformity_loss_TCR` of M-MAE."""
    u = torch.stack([row / row.norm() for row in features])
    m = len(u)
    centred = torch.eye(m, dtype=u.dtype) - torch.ones(m, m, dtype=u.dtype) / m
    sim = u.T @ centred @ u if centering else u.T @ u
    loss: Tensor = -torch.logdet(torch.eye(len(sim), dtype=u.dtype) + mu / len(sim) * sim)
    return loss


def mmae_loss(run: Compiled, mu: float, *, centering: bool) -> None:
    outputs = [prediction_of(run, "N"), *run.variables("C")]

    def formula(pred: Tensor, features: Tensor) -> Tensor:
        return mae_part(run, pred) + 0.01 * coding_rate_loss(features, mu, centering=centering)

    assert_authors(run, outputs, formula)


def test_mmae() -> None:
    mmae_loss(compiled("mmae"), 3, centering=False)
    mmae_loss(compiled("mmae", settings={"mu": 1}), 1, centering=False)


def test_mmae_with_centring() -> None:
    mmae_loss(compiled("mmae_centered"), 3, centering=True)


@pytest.mark.parametrize("spec", ["umae", "mmae", "mmae_centered"])
def test_class_tokens_are_normalised_a_second_time(spec: str) -> None:
    """`forward_encoder` ends in a layer normalisation of eps 1e-6, and the loss has one more of the class token."""
    run = compiled(spec)
    scale, shift = (parameter for name, parameter in run.model.named_parameters() if name.startswith("networks.c."))
    with torch.no_grad():
        scale.copy_(torch.rand_like(scale) + 0.5)
        shift.copy_(torch.randn_like(shift))
    torch.manual_seed(1)
    run = replace(run, out=run.model(run.batch))

    def formula(pred: Tensor, tokens: Tensor) -> Tensor:
        features = []
        for token in tokens:
            centred = token - token.mean()
            features.append(centred / torch.sqrt((centred**2).mean() + 1e-6) * scale + shift)
        rows = torch.stack(features)
        if spec == "umae":
            return mae_part(run, pred) + 0.01 * uniformity_loss(rows)
        return mae_part(run, pred) + 0.01 * coding_rate_loss(rows, 3, centering=spec == "mmae_centered")

    assert_authors(run, [prediction_of(run, "N"), *run.variables("R")], formula)


# ---- SimMIM ----------------------------------------------------------------------------------------------------------


def simmim_loss(x: Tensor, x_rec: Tensor, mask: Tensor, *, added: float) -> Tensor:
    """`forward` of SimMIM behind its decoder; the paper's equation 1 for `added: 0`."""
    pixels = mask.reshape(len(x), 4, 4).repeat_interleave(PATCH, 1).repeat_interleave(PATCH, 2).unsqueeze(1)
    loss_recon = (x - x_rec).abs()
    return (loss_recon * pixels).sum() / (pixels.sum() + added) / x.shape[1]


def test_simmim() -> None:
    run = compiled("simmim")
    _, places, mask = hidden_of(run)
    assert (mask.sum(dim=1) == 10).all()  # ceil(16 * 0.6)
    x = run.batch["X"]

    def formula(prediction: Tensor, *, added: float = 0.0) -> Tensor:
        return simmim_loss(x, unpatchify(put(prediction, places, 16), x), mask, added=added)

    predicted = prediction_of(run, "T")
    assert_authors(run, [predicted], formula)
    # The official code's denominator makes a difference that nobody sees.
    torch.testing.assert_close(formula(predicted, added=1e-5), run.out.loss, rtol=1e-6, atol=0)


def test_simmim_hides_squares() -> None:
    run = compiled("simmim", settings={"block": 2, "ratio": 0.5})
    _, _, mask = hidden_of(run)
    squares = mask.reshape(-1, 2, 2, 2, 2).permute(0, 1, 3, 2, 4).reshape(-1, 4, 4).sum(dim=2)
    assert ((squares == 0) | (squares == 4)).all()
    assert (squares.sum(dim=1) == 8).all()


def test_simmim_predicts_from_features_at_the_hidden_places() -> None:
    run = compiled("simmim")
    _, places, _ = hidden_of(run)
    (features,) = run.variables("Z")
    weight, bias = (parameter.detach() for name, parameter in run.model.named_parameters() if "d.trunk.project" in name)
    for example, hidden in enumerate(places):
        expected = features[example, hidden] @ weight.T + bias
        torch.testing.assert_close(prediction_of(run, "T")[example], expected, rtol=1e-10, atol=1e-10)


# ---- I-JEPA ----------------------------------------------------------------------------------------------------------


def smooth_l1(z: Tensor, h: Tensor) -> Tensor:
    """`F.smooth_l1_loss` with beta 1, written out."""
    d = (z - h).abs()
    return torch.where(d < 1, d**2 / 2, d - 0.5).mean()


def ijepa_loss(teacher: Tensor, places: list[list[list[int]]], predictions: list[Tensor]) -> Tensor:
    """`forward_target` and `loss_fn` of I-JEPA: targets of all blocks along the batch."""
    h = teacher.detach()
    variance = h.var(dim=2, unbiased=False, keepdim=True)
    h = (h - h.mean(dim=2, keepdim=True)) / torch.sqrt(variance + 1e-5)
    masked = [torch.stack([h[e, tokens] for e, tokens in enumerate(block)]) for block in places]
    return smooth_l1(torch.cat(predictions), torch.cat(masked))


def test_ijepa() -> None:
    run = compiled("ijepa")
    patches = patchify(run.batch["X"])
    places = [places_of(block, patches) for block in run.variables(*(f"T[{b}]" for b in range(1, 5)))]
    context = places_of(run.variables("V")[0], patches)
    for example, seen in enumerate(context):
        assert seen
        assert not set(seen) & {token for block in places for token in block[example]}
    (teacher,) = run.variables("S")
    predictions = [prediction_of(run, f"B[{b}]") for b in range(1, 5)]
    assert len({p.data_ptr() for p in predictions}) == 4
    assert_authors(run, predictions, lambda *given: ijepa_loss(teacher, places, list(given)))


def test_the_teacher_of_ijepa_gets_no_gradient_and_follows() -> None:
    run = compiled("ijepa", progress=0.0)
    assert not run.variables("S")[0].requires_grad
    values = run.model.schedule_values()
    assert values["s.momentum"] == 0.996
    run.model.set_progress(0.5)
    assert abs(run.model.schedule_values()["s.momentum"] - 0.998) < 1e-12
