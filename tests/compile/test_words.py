"""What the compiled model makes of words of the graph: labels as inputs, gathered members, joint draws, indices."""

import pytest
import torch
from torch import Tensor

import mvib
from mvib.compile import CompiledModel


def compiled(text: str, *, steps: int | None = None, **data: Tensor) -> tuple[CompiledModel, dict[str, Tensor]]:
    torch.manual_seed(0)
    method = mvib.loads(text)
    batch = {"X": torch.rand(6, 1, 8, 8), **data}
    example: dict[str, Tensor | int] = {n: 3 if n == "Y" else v for n, v in batch.items()}
    model = mvib.compile(method, example, steps=steps)
    return model, batch


def test_a_label_reaches_a_network_as_one_number_for_each_class() -> None:
    model, batch = compiled(
        """
        method M
        data X: image, Y: label
        encoder e: X ~> Z = gaussian(mlp(8), dim: 4, var: 1)
        decoder b: Y ~> Z = gaussian(linear(4, bias: false), var: 1)
        minimize I(X; Z | Y) by rate(b)
        """,
        Y=torch.tensor([0, 1, 2, 2, 1, 0]),
    )
    out = model(batch)
    (weight,) = [p for name, p in model.named_parameters() if name.startswith("networks.b.")]
    torch.testing.assert_close(out.densities["b(onehot(Y))"].mean, weight.T[batch["Y"]])
    out.loss.backward()
    assert weight.grad is not None
    assert bool((weight.grad != 0).any())


def test_a_missing_label_is_zero_for_every_class() -> None:
    model, batch = compiled(
        """
        method M
        data X: image, Y: label partial
        encoder g: (X, Y) -> Z = mlp(8)
        maximize H(Z) by variance_covariance() on unlabelled
        """,
        Y=torch.tensor([0, -1, -1, -1, 1, 0]),
    )
    out = model(batch)
    joined = torch.cat([batch["X"].flatten(1), torch.eye(4)[batch["Y"]][:, :3]], dim=1)
    torch.testing.assert_close(out.variables["Z"], model.networks["g"](joined))


def test_a_range_gathers_members_in_their_order() -> None:
    model, batch = compiled(
        """
        method M
        data X: image
        view X[i: 1..3] ~ augment(X)
        encoder f: X[i] -> Z[i] = mlp(8, 4)
        encoder p: Z[1..i] -> P[i: 2..3] = identity()
        encoder m: Z[1..3] -> M = mean()
        maximize mean(i) H(P[i]) by variance_covariance()
        maximize H(M) by variance_covariance()
        maximize H(Z[2..3]) by variance_covariance()
        """
    )
    found = model(batch).variables
    z = [found[f"Z[{i}]"] for i in (1, 2, 3)]
    torch.testing.assert_close(found["P[2]"], torch.cat(z[:2], dim=1))
    torch.testing.assert_close(found["P[3]"], torch.cat(z, dim=1))
    torch.testing.assert_close(found["M"], (z[0] + z[1] + z[2]) / 3)


def test_variables_in_brackets_are_one_draw_and_dependent() -> None:
    text = """
        method M
        data X: image
        view P ~ patches(X, size: 2)
        view (V[i: 1..2], T[i]) ~ split(P, ratio: 0.75)
        encoder f: V[i] -> Z[i] = flatten()
        maximize mean(i) H(Z[i]) by variance_covariance()
        """
    model, batch = compiled(text)
    draw = model(batch).variables
    patches = draw["P"]
    for i in (1, 2):
        parts = torch.cat([draw[f"V[{i}]"], draw[f"T[{i}]"]], dim=1)
        # Visible and hidden tokens are those of the image, each once.
        torch.testing.assert_close(parts.sum(dim=1), patches.sum(dim=1))
    assert not torch.equal(draw["V[1]"], draw["V[2]"])
    graph = mvib.loads(text).graph
    assert not graph.d_separated(["V[1]"], ["T[1]"], ["P"])
    assert graph.d_separated(["V[1]"], ["V[2]"], ["P"])


def test_a_call_may_use_the_index_of_its_family() -> None:
    model, batch = compiled(
        """
        method M
        data X: image
        view S[t: 1..4] ~ select(X, rows: 2*t-1..2*t)
        encoder f: S[t] -> Z[t] = flatten()
        encoder at[t: 1..3]: X -> C[t] = conv(t, 2*t)
        maximize mean(t) H(Z[t]) by variance_covariance()
        maximize mean(t) H(C[t]) by variance_covariance()
        """
    )
    found = model(batch).variables
    for t in range(1, 5):
        torch.testing.assert_close(found[f"S[{t}]"], batch["X"][:, :, 2 * t - 2 : 2 * t])
    assert [found[f"C[{t}]"].shape[1] for t in (1, 2, 3)] == [2, 4, 6]


def test_arguments_of_modules_follow_schedules() -> None:
    model, _ = compiled(
        """
        method M
        param tau = linear(0.04 -> 0.08, over: 0.5)
        data X: image
        encoder f: X -> L = mlp(8)
        encoder s: L -> P = softmax(temperature: tau)
        maximize H(P) by variance_covariance()
        """,
        steps=4,
    )
    seen = []
    for _ in range(4):
        seen.append(model.schedule_values()["s.temperature"])
        model.after_step()
    assert seen == pytest.approx([0.04, 0.06, 0.08, 0.08])
    assert model.networks["s"].temperature == pytest.approx(0.08)


def test_a_view_alone_is_the_first_of_what_is_drawn_together() -> None:
    model, batch = compiled(
        """
        method M
        data X: image
        view P ~ patches(X, size: 2)
        view V[i: 1..2] ~ split(P, ratio: 0.75)
        encoder f: V[i] -> Z[i] = flatten()
        maximize I(Z[1]; Z[2]) by infonce()
        """
    )
    found = model(batch).variables
    assert [found[f"V[{i}]"].shape for i in (1, 2)] == [(6, 4, 4), (6, 4, 4)]
    assert not torch.equal(found["V[1]"], found["V[2]"])
