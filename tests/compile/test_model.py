"""What a compiled model promises, whatever the method."""

import copy
import math
from collections.abc import Callable

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

import mvib
from mvib.compile import CompiledModel, ExampleError, LabelShape, MissingDataError, Output, UnfitDataError
from mvib.nn.distributions import DiagonalGaussian
from mvib.plan import build_plan

SIMCLR = """method A
data X: image
view X[i: 1..2] ~ augment(X)
encoder f: X[i] -> R[i] = conv(8, 8)
encoder g: R[i] -> Z[i] = mlp(16, 8)
maximize I(Z[1]; Z[2]) by infonce(temperature: 0.5)
represent R
"""

BYOL = """method B
param m = linear(0.5 -> 1)
data X: image
view X[i: 1..2] ~ augment(X)
encoder f: X[i] -> R[i] = conv(8, 8)
encoder g: R[i] -> Z[i] = mlp(16, 8)
encoder ft: X[i] -> S[i] = ema(f, momentum: m)
encoder gt: S[i] -> T[i] = ema(g, momentum: m)
decoder q: Z[i] ~> T[j] = vmf(mlp(16, 8), kappa: 2)
minimize sum(i != j) H(T[j] | Z[i]) by q
represent R
"""

MVIB = """method C
param beta = exponential(1e-6 -> 1e-2)
data X: image
view X[i: 1..2] ~ augment(X)
encoder e: X[i] ~> Z[i] = gaussian(mlp(16, 16), dim: 4)
maximize I(Z[1]; Z[2]) by jsd(critic: joint(16, 16))
minimize beta * mean(i != j) I(X[i]; Z[i] | X[j]) by rate(e: X[j])
represent Z
"""


@pytest.fixture
def x() -> Tensor:
    torch.manual_seed(0)
    return torch.rand(12, 1, 8, 8)


def build(text: str, x: Tensor, *, steps: int | None = None, seed: int = 0) -> CompiledModel:
    torch.manual_seed(seed)
    return mvib.compile(mvib.loads(text), {"X": x}, steps=steps)


def seeded_loss(model: Callable[..., Output], batch: dict[str, Tensor]) -> Tensor:
    torch.manual_seed(7)
    return model(batch).loss


@pytest.mark.parametrize("text", [SIMCLR, BYOL, MVIB])
def test_every_trained_parameter_gets_a_gradient(text: str, x: Tensor) -> None:
    model = build(text, x)
    model({"X": x}).loss.backward()
    without = [name for name, p in model.named_parameters() if p.requires_grad and p.grad is None]
    assert without == []


def test_momentum_copies_start_equal_never_get_a_gradient_and_move_after_the_step(x: Tensor) -> None:
    model = build(BYOL, x, steps=10)
    f, ft = model.networks["f"], model.networks["ft"]
    for mine, copied in zip(f.parameters(), ft.parameters(), strict=True):
        assert torch.equal(mine, copied)
    model({"X": x}).loss.backward()
    assert all(p.grad is None and not p.requires_grad for p in ft.parameters())
    with torch.no_grad():
        for p in f.parameters():
            p.add_(1.0)
    before = [p.clone() for p in ft.parameters()]
    model.after_step()
    # The momentum at the first step is that of the start of the schedule, 0.5.
    for old, new, source in zip(before, ft.parameters(), f.parameters(), strict=True):
        torch.testing.assert_close(new, 0.5 * old + 0.5 * source)
    assert model.schedule_values() == pytest.approx({"ft.momentum": 0.55, "gt.momentum": 0.55})


def test_schedules_follow_progress_and_reach_the_loss(x: Tensor) -> None:
    model = build(MVIB, x)
    values = []
    for progress in (0.0, 0.5, 1.0):
        model.set_progress(progress)
        torch.manual_seed(3)
        out = model({"X": x})
        expected = -out.terms["I_Z1_Z2"] + model.schedule_values()["I_Xi_Zi_Xj.beta"] * out.terms["I_Xi_Zi_Xj"]
        torch.testing.assert_close(out.loss, expected)
        values.append(model.schedule_values()["I_Xi_Zi_Xj.beta"])
    assert values == pytest.approx([1e-6, 1e-4, 1e-2])


def test_mvib_rate_is_the_symmetrised_divergence_at_the_sample(x: Tensor) -> None:
    model = build(MVIB, x).double()
    out = model({"X": x.double()})
    p1, p2 = out.densities["e(X[1])"], out.densities["e(X[2])"]
    z1, z2 = out.variables["Z[1]"], out.variables["Z[2]"]

    def log_density(z: Tensor, p: DiagonalGaussian) -> Tensor:
        """Written out: torch's own class carries no types."""
        return (-((z - p.mean) ** 2) / (2 * p.std**2) - p.std.log() - 0.5 * math.log(2 * math.pi)).sum(1)

    # Federici et al. 2020, official code: half of both log-ratios, one sample each.
    expected = 0.5 * (log_density(z1, p1) - log_density(z1, p2) + log_density(z2, p2) - log_density(z2, p1)).mean()
    torch.testing.assert_close(out.terms["I_Xi_Zi_Xj"], expected, atol=1e-10, rtol=1e-10)


def test_every_value_is_computed_once(x: Tensor) -> None:
    text = SIMCLR.replace(
        "represent R", "minimize H(Z[1] | Z[2]) by mse\nminimize H(Z[2] | Z[1]) by cosine\nrepresent R"
    )
    model = build(text, x)
    calls = []
    model.networks["g"].register_forward_hook(lambda *_: calls.append(1))
    model({"X": x})
    assert len(calls) == 2
    plan = build_plan(*_analysed(text))
    names = [step.result for step in plan.steps]
    assert len(set(names)) == len(names)
    assert names.count("unit(Z[1])") == 1


def _analysed(text: str):  # type: ignore[no-untyped-def]
    analysis = mvib.loads(text).analysis
    return analysis.method, analysis.graph, analysis.readings


@pytest.mark.parametrize("text", [SIMCLR, BYOL, MVIB])
def test_order_of_statements_changes_neither_plan_nor_loss(text: str, x: Tensor) -> None:
    head, *rest = text.strip().splitlines()
    reversed_text = "\n".join([head, *reversed(rest)])
    assert build_plan(*_analysed(text)) == build_plan(*_analysed(reversed_text))
    one, two = build(text, x), build(reversed_text, x)
    assert torch.equal(seeded_loss(one, {"X": x}), seeded_loss(two, {"X": x}))


@pytest.mark.parametrize("text", [SIMCLR, BYOL, MVIB])
def test_a_copy_of_a_model_has_weights_of_its_own(text: str, x: Tensor) -> None:
    model = build(text, x)
    twin = copy.deepcopy(model)
    before = seeded_loss(model, {"X": x})
    with torch.no_grad():
        for p in twin.parameters():
            p.zero_()
    assert torch.equal(seeded_loss(model, {"X": x}), before)


def test_state_dict_restores_weights_and_place_in_schedules(x: Tensor) -> None:
    model, other = build(BYOL, x, steps=4), build(BYOL, x, steps=4, seed=1)
    model.after_step()
    other.load_state_dict(model.state_dict())
    assert other.num_steps_taken == 1
    assert other.progress == 0.25
    assert torch.equal(seeded_loss(model, {"X": x}), seeded_loss(other, {"X": x}))


def test_encode_uses_the_plain_example_in_evaluation_mode(x: Tensor) -> None:
    model = build(SIMCLR, x)
    model.networks["f"].train()
    representation = model.encode(x)
    assert model.training
    assert model.networks["f"].training
    torch.testing.assert_close(representation, model.encode({"X": x}))
    model.eval()
    torch.testing.assert_close(representation, model.networks["f"](x))


def test_encode_of_a_stochastic_encoder_is_its_mean(x: Tensor) -> None:
    model = build(MVIB, x)
    model.eval()
    torch.testing.assert_close(model.encode(x), model.networks["e"](x).mean)


def test_losses_are_single_precision_under_autocast(x: Tensor) -> None:
    model = build(SIMCLR, x)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        out = model({"X": x})
    assert out.variables["Z[1]"].dtype == torch.bfloat16
    assert out.loss.dtype == torch.float32
    out.loss.backward()


def test_stop_gradient_cuts_one_side_only(x: Tensor) -> None:
    text = SIMCLR.replace("maximize I(Z[1]; Z[2]) by infonce(temperature: 0.5)", "minimize H(sg(Z[1]) | Z[2]) by mse")
    out = build(text, x)({"X": x})
    assert torch.autograd.grad(out.loss, out.variables["Z[1]"], allow_unused=True, retain_graph=True)[0] is None
    assert torch.autograd.grad(out.loss, out.variables["Z[2]"])[0].abs().sum() > 0


def test_stopgrad_encoder_shares_weights_and_carries_no_gradient(x: Tensor) -> None:
    text = SIMCLR.replace(
        "represent R", "encoder s: R[i] -> S[i] = stopgrad(g)\nminimize H(S[1] | Z[1]) by mse\nrepresent R"
    )
    model = build(text, x)
    out = model({"X": x})
    assert not out.variables["S[1]"].requires_grad
    assert [n for n, _ in model.named_parameters() if ".s." in n] == []


def test_frozen_network_passes_gradients_and_is_not_trained(x: Tensor) -> None:
    text = SIMCLR.replace(
        "represent R", "encoder s: Z[i] -> S[i] = frozen(mlp(8))\nminimize H(S[1] | S[2]) by mse\nrepresent R"
    )
    model = build(text, x)
    assert not any(p.requires_grad for p in model.networks["s"].parameters())
    assert torch.autograd.grad((out := model({"X": x})).loss, out.variables["Z[1]"])[0].abs().sum() > 0


PARTIAL = """method P
data X: vector, Y: label partial
encoder f: X -> Z = mlp(8)
decoder c: Z ~> Y = categorical()
minimize H(Y | Z) by c
minimize H(Z) by variance_covariance on unlabelled
"""


def test_terms_about_a_partial_variable_average_over_those_that_have_it() -> None:
    torch.manual_seed(0)
    model = mvib.compile(mvib.loads(PARTIAL.replace("minimize H(Z)", "maximize H(Z)")), {"X": (8, 5), "Y": 3})
    x, y = torch.rand(8, 5), torch.tensor([0, 1, 2, -1, -1, -1, -1, -1])
    out = model({"X": x, "Y": y})
    logits = out.densities["c(Z)"].logits
    torch.testing.assert_close(out.terms["H_Y_Z"], F.cross_entropy(logits[:3], y[:3]))
    same = model({"X": x, "Y": y.clamp(min=0), "Y.present": y >= 0})
    torch.testing.assert_close(same.terms["H_Y_Z"], out.terms["H_Y_Z"])
    z = out.variables["Z"][3:]
    hinge = F.relu(1 - torch.sqrt(z.var(dim=0) + 1e-4)).mean()
    covariance = torch.cov(z.T)
    off = (covariance.pow(2).sum() - covariance.diagonal().pow(2).sum()) / z.shape[1]
    torch.testing.assert_close(out.terms["H_Z"], -(25 * hinge + off))


def test_a_batch_without_any_label_says_nothing_about_it() -> None:
    torch.manual_seed(0)
    model = mvib.compile(
        mvib.loads(PARTIAL.replace("minimize H(Z)", "maximize H(Z)")), {"X": (8, 5), "Y": LabelShape(3)}
    )
    out = model({"X": torch.rand(8, 5), "Y": torch.full((8,), -1)})
    assert out.terms["H_Y_Z"] == 0
    assert torch.isfinite(out.loss)
    out.loss.backward()


PATHS = """method Q
data X: image
view A ~ select(X, columns: 1..4)
view B ~ select(X, columns: 5..8)
encoder f: A -> Z[1] = conv(8, 16)
encoder h: B -> Z[2] = mlp(32, 16)
decoder q: Z[1] ~> Z[2] = gaussian(mlp(8, 16), var: 0.5)
term direct: maximize I[h](Z[1]; Z[2]) by infonce(negatives: other_view)
term predicted: minimize H[q](Z[2] | Z[1]) by mse
term density: minimize H(Z[2] | Z[1]) by q
represent Z[1]
"""


def test_a_path_says_which_realisation_is_meant(x: Tensor) -> None:
    model = build(PATHS, x).double()
    out = model({"X": x.double()})
    z1, z2, density = out.variables["Z[1]"], out.variables["Z[2]"], out.densities["q(Z[1])"]
    torch.testing.assert_close(out.terms["predicted"], (density.mean - z2).pow(2).mean())
    # A Gaussian of variance 1/2 in 16 dimensions.
    expected = ((z2 - density.mean) ** 2 + 0.5 * math.log(math.pi)).sum(1).mean()
    torch.testing.assert_close(out.terms["density"], expected)
    scores = F.normalize(z1) @ F.normalize(z2).T / 0.5
    labels = torch.arange(len(scores))
    nce = (F.cross_entropy(scores, labels) + F.cross_entropy(scores.T, labels)) / 2
    torch.testing.assert_close(out.terms["direct"], torch.log(torch.tensor(12.0, dtype=torch.float64)) - nce)


@pytest.mark.parametrize(
    "term",
    [
        "minimize H[f, q](T[2] | X[1]) by q",
        "maximize I[f, q](X[1]; T[2]) by q",
        "maximize I[f, q](T[2]; X[1]) by q",
        "maximize I[q](Z[1]; T[2]) by q",
    ],
)
def test_a_decoder_seen_from_further_up_its_path_is_the_same_decoder(term: str, x: Tensor) -> None:
    spec = """method S
data X: image
view X[i: 1..2] ~ noise(X, std: 0.1)
encoder f: X[i] -> Z[i] = mlp(8)
encoder ft: X[i] -> T[i] = ema(f)
decoder q: Z[i] ~> T[j] = vmf(mlp(8), kappa: 2)
"""
    near, far = build(spec + "minimize H(T[2] | Z[1]) by q\n", x), build(f"{spec}{term}\n", x)
    assert torch.equal(seeded_loss(near, {"X": x}), seeded_loss(far, {"X": x}))


def test_two_halves_are_encoded_from_the_half_each(x: Tensor) -> None:
    model = build(PATHS, x).eval()
    changed = x.clone()
    changed[..., 4:] = 0
    torch.testing.assert_close(model.encode(x), model.encode(changed))


def test_three_views_with_pairs(x: Tensor) -> None:
    text = SIMCLR.replace("1..2", "1..3").replace("maximize I(Z[1]; Z[2])", "maximize mean(i < j) I(Z[i]; Z[j])")
    model = build(text, x).double()
    out = model({"X": x.double()})
    pairs = [(1, 2), (1, 3), (2, 3)]
    from_pairs = [
        mvib.estimate("infonce", out.variables[f"Z[{a}]"].detach(), out.variables[f"Z[{b}]"].detach()) for a, b in pairs
    ]
    assert out.terms["I_Zi_Zj"].item() == pytest.approx(sum(from_pairs) / 3, abs=1e-10)


# Dynamo looks at .grad of the tensors that cross a graph break, and torch warns about its own look.
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("text", [SIMCLR, BYOL, MVIB], ids=["simclr", "byol", "mvib"])
def test_torch_compile_gives_the_same_loss_and_gradients(text: str, x: Tensor) -> None:
    model = build(text.replace("augment(X)", "noise(X, std: 0)"), x)
    twin = copy.deepcopy(model)
    compiled: Callable[..., Output] = torch.compile(twin, backend="aot_eager")
    eager, fast = seeded_loss(model, {"X": x}), seeded_loss(compiled, {"X": x})
    torch.testing.assert_close(fast, eager, rtol=1e-5, atol=1e-6)
    torch.autograd.backward([eager, fast])
    for mine, other in zip(model.parameters(), twin.parameters(), strict=True):
        if mine.grad is not None:
            torch.testing.assert_close(other.grad, mine.grad, rtol=1e-4, atol=1e-6)


def test_shapes_may_be_given_instead_of_tensors(x: Tensor) -> None:
    method = mvib.loads(SIMCLR)
    by_shape = mvib.compile(method, (12, 1, 8, 8))
    by_name = mvib.compile(method, {"X": (4, 1, 8, 8)})
    assert [p.shape for p in by_shape.parameters()] == [p.shape for p in by_name.parameters()]
    assert by_shape({"X": x}).loss.isfinite()


@pytest.mark.parametrize(
    ("example", "message"),
    [
        ({}, "no example is given for the data variable `X`"),
        ({"X": (4, 8)}, r"`X` is of type image, which is \(batch, channels, height, width\)"),
        ({"X": (4, 1, 8, 8), "Q": (4, 2)}, "no data variable `Q`; it has `X`"),
    ],
)
def test_bad_examples_are_said_in_words(example: dict[str, tuple[int, ...]], message: str) -> None:
    with pytest.raises(ExampleError, match=message):
        mvib.compile(mvib.loads(SIMCLR), example)


def test_a_batch_without_its_data_is_said_in_words(x: Tensor) -> None:
    with pytest.raises(MissingDataError, match="the batch has `Q`, and the model needs `X`"):
        build(SIMCLR, x)({"Q": x})


def test_compile_and_train_stay_functions_after_their_packages_are_imported() -> None:
    import mvib.compile.model  # noqa: PLC0415
    import mvib.train.loop  # noqa: PLC0415

    assert callable(mvib.compile)
    assert callable(mvib.train)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (torch.rand(4, 1, 8, 8, dtype=torch.float64), "holds torch.float64, and the model torch.float32"),
        (torch.zeros(4, 1, 8, 8, dtype=torch.uint8), "holds torch.uint8"),
        (torch.rand(4, 3, 8, 8), "`X` is .*3.*, and the model was compiled for"),
    ],
)
def test_data_of_another_kind_are_refused(given: Tensor, message: str, x: Tensor) -> None:
    model = build(SIMCLR, x)
    with pytest.raises(UnfitDataError, match=message):
        model.encode(given)
    with pytest.raises(UnfitDataError, match=message):
        model({"X": given})


def test_a_tensor_stands_for_the_only_data_variable() -> None:
    model = mvib.compile(mvib.loads(SIMCLR), [4, 1, 8, 8]).eval()  # type: ignore[arg-type]
    x = torch.rand(4, 1, 8, 8)
    torch.manual_seed(0)
    named = model({"X": x}).loss
    torch.manual_seed(0)
    assert torch.equal(model(x).loss, named)


@pytest.mark.parametrize("label", [{}, {"Y": (4,)}])
def test_a_decoder_of_a_label_wants_its_number_of_classes(label: dict[str, tuple[int, ...]]) -> None:
    with pytest.raises(ExampleError, match="how many classes the label has"):
        mvib.compile("vib", example={"X": (4, 1, 8, 8), **label})


def test_labels_of_another_kind_are_said_to_be() -> None:
    model = mvib.compile("vib", example={"X": (4, 1, 8, 8), "Y": 10})
    with pytest.raises(UnfitDataError, match=r"`Y` holds torch.int32, and a label is an int64; use `.long\(\)`"):
        model({"X": torch.rand(4, 1, 8, 8), "Y": torch.zeros(4, dtype=torch.int32)})


def test_an_index_of_a_path_ranges_over_its_modules() -> None:
    text = """method P
data X: sequence
view S[t: 1..4] ~ select(X, rows: t..t)
encoder g: S[t] -> Z[t] = mlp(8)
decoder q[k: 1..2]: Z[t] ~> Z[t+k] = gaussian(linear(8), var: 1)
maximize mean(t, k) I[q[k]](Z[t]; Z[t+k]) by infonce()
represent Z[1]
"""
    method = mvib.loads(text).analysis.method
    assert method is not None
    assert len(method.terms[0].instances) == 5


def test_a_spec_that_is_not_there_is_a_spec_error() -> None:
    for kind in (mvib.SpecError, FileNotFoundError):
        with pytest.raises(kind, match="there is no spec `nosuch`"):
            mvib.load("nosuch")
