"""Methods that contrast parts of an example, its steps or its places, against their authors' formulas in float64."""

import math

import pytest
import torch
from torch import Tensor

import mvib
from tests.specs.formulas.common import Compiled, assert_authors, assert_authors_by_parameters, compiled


@pytest.mark.parametrize(("settings", "num_ahead"), [({}, 3), ({"K": 5}, 5)])
def test_cpc_tells_coming_steps_from_those_of_other_sequences(settings: dict[str, float], num_ahead: int) -> None:
    """Van den Oord et al. 2018, equations 3 and 4: a matrix for each number of steps ahead."""
    run = compiled("cpc", settings=settings)
    matrices = [run.model.get_parameter(f"networks.w[{k}].weight") for k in range(1, num_ahead + 1)]
    steps = 7

    def formula(*outputs: Tensor) -> Tensor:
        encoded, contexts = outputs[:steps], outputs[steps:]
        losses = []
        for k, w in enumerate(matrices, start=1):
            for t in range(steps - k):
                of_examples = []
                for i, context in enumerate(contexts[t]):
                    ratios = torch.stack([torch.exp(z @ w @ context) for z in encoded[t + k]])
                    of_examples.append(-torch.log(ratios[i] / ratios.sum()))
                losses.append(torch.stack(of_examples).mean())
        return torch.stack(losses).mean()

    outputs = [*run.variables(*(f"Z[{t}]" for t in range(1, 8))), *run.variables(*(f"C[{t}]" for t in range(1, 7)))]
    assert_authors(run, [*outputs, *matrices], formula)
    # The bound itself has the log of the number of candidates, which the authors' loss has not.
    torch.testing.assert_close(run.out.constant.item(), -math.log(len(run.batch["X"])))


def test_cpc_steps_are_strips_that_overlap_by_half_and_cover_the_image() -> None:
    for side, height in ((8, 2), (32, 8)):
        image = torch.rand(4, 1, side, side, dtype=torch.float64)
        run = compiled("cpc", data={"X": image})
        for t, part in enumerate(run.variables(*(f"S[{t}]" for t in range(1, 8)))):
            first = t * height // 2
            assert torch.equal(part, image[:, :, first : first + height])
        assert first + height == side


def test_cpc_context_is_of_the_past_alone() -> None:
    run = compiled("cpc")
    z4, c3, c4 = run.variables("Z[4]", "C[3]", "C[4]")
    assert torch.autograd.grad(c3.sum(), [z4], retain_graph=True, allow_unused=True)[0] is None
    assert torch.autograd.grad(c4.sum(), [z4], retain_graph=True)[0].abs().sum() > 0


def perceptron(run: Compiled, name: str) -> list[Tensor]:
    """Weights and biases of an auxiliary network, layer by layer."""
    return [p for key, p in run.model.named_parameters() if key.startswith(f"objective.auxiliaries.{name}.")]


def applied(layers: list[Tensor], x: Tensor) -> Tensor:
    """Linear layers with rectifiers between them, on one example."""
    x = x.flatten()
    for place in range(0, len(layers), 2):
        x = layers[place] @ (x.relu() if place else x) + layers[place + 1]
    return x


def told_apart(run: Compiled, term: str, first: Tensor, second: Tensor) -> Tensor:
    """Hjelm et al. 2019, official code: E_neg - E_pos of all pairs of the batch, for the Jensen-Shannon divergence."""
    one, two = (perceptron(run, f"{term}_critic.embed{side}") for side in (1, 2))
    lefts, rights = [applied(one, x) for x in first], [applied(two, x) for x in second]
    pairs, others = [], []
    for i, left in enumerate(lefts):
        for j, right in enumerate(rights):
            u = left @ right
            if i == j:
                pairs.append(math.log(2) - torch.log(1 + torch.exp(-u)))
            else:
                others.append(torch.log(1 + torch.exp(-u)) + u - math.log(2))
    return torch.stack(others).mean() - torch.stack(pairs).mean()


@pytest.mark.parametrize(
    ("of_map", "of_places", "prior", "side"), [(0.0, 1.0, 0.1, 8), (0.7, 0.4, 1.0, 8), (0.0, 1.0, 0.1, 12)]
)
def test_deep_infomax(of_map: float, of_places: float, prior: float, side: int) -> None:
    """Hjelm et al. 2019, equation 8, with the prior's term and the reductions of the official code."""
    settings = {"global": of_map, "local": of_places, "prior": prior, "places": (side // 2) ** 2}
    image = torch.rand(6, 1, side, side, dtype=torch.float64)
    run = compiled("deep_infomax", settings=settings, data={"X": image})
    m, e, u = run.variables("M", "E", "U")
    torch.manual_seed(1)
    drawn = torch.rand(u.shape, dtype=u.dtype)  # of the prior; nothing else is random
    discriminator = perceptron(run, "prior_discriminator")
    frozen = [weight.detach() for weight in discriminator]
    places = [m[:, :, row, column] for row in range(side // 2) for column in range(side // 2)]
    local = torch.stack([told_apart(run, "local", place, e) for place in places]).mean()
    fooled = torch.stack([torch.log(1 + torch.exp(-applied(frozen, x))) for x in u]).mean()
    found = torch.stack([torch.log(1 + torch.exp(applied(discriminator, x))) for x in u.detach()]).mean()
    real = torch.stack([torch.log(1 + torch.exp(-applied(discriminator, x))) for x in drawn]).mean()
    fit = found + real
    torch.testing.assert_close(run.out.fits["prior"], fit)
    objective = of_map * told_apart(run, "global", m, e) + of_places * local
    # The official values are 2 log 2 less. The discriminator's own loss has a gradient and is no part of the value.
    expected = objective + (of_map + of_places) * 2 * math.log(2) + prior * fooled + fit - fit.detach()
    assert_authors_by_parameters(run, expected)


def test_a_map_of_another_number_of_places_is_an_error_that_says_what_to_set() -> None:
    with pytest.raises(mvib.SpecError, match="`position` takes 16 positions and no other") as caught:
        mvib.compile(mvib.load("deep_infomax"), {"X": (8, 3, 32, 32)})
    assert [diagnostic.remedy for diagnostic in caught.value.diagnostics] == ["`--set places=256`"]
    mvib.compile(mvib.load("deep_infomax", settings={"places": 256}), {"X": (8, 3, 32, 32)})
