from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mvib.nn.builders import critics
from mvib.nn.builders.critics import Critic, bilinear, joint, product, separable
from mvib.nn.shapes import ShapeError

SHAPE1, SHAPE2 = (3,), (2, 2)
BUILD: dict[str, Callable[[], Critic]] = {
    "joint": lambda: joint(SHAPE1, SHAPE2, widths=(8, 7)),
    "joint without hidden layers": lambda: joint(SHAPE1, SHAPE2, widths=()),
    "separable": lambda: separable(SHAPE1, SHAPE2, widths=(8,), dim=5),
    "bilinear": lambda: bilinear(SHAPE1, SHAPE2),
}
each_critic = pytest.mark.parametrize("build", BUILD.values(), ids=BUILD)


def random_pairs(num: int, total: int, *, dtype: torch.dtype = torch.float64) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(num, *SHAPE1, generator=generator, dtype=dtype)
    y = torch.randn(total, *SHAPE2, generator=generator, dtype=dtype)
    return x.requires_grad_(), y.requires_grad_()


def pair_by_pair(critic: Critic, x: Tensor, y: Tensor, *, offset: int) -> Tensor:
    """The scores of the others by the paired scores."""
    others = [[j for j in range(len(y)) if j != offset + i] for i in range(len(x))]
    return torch.stack([critic(x[i].expand(len(row), *x.shape[1:]), y[row]) for i, row in enumerate(others)])


@pytest.fixture(params=[1 << 25, 100, 1])
def block(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """Sizes of a block: all pairs at once, a few rows, and one row."""
    size: int = request.param
    monkeypatch.setattr(critics, "_LARGEST_BLOCK", size)
    return size


@each_critic
@pytest.mark.parametrize(("num", "total", "offset"), [(6, 6, 0), (3, 9, 0), (3, 9, 4), (3, 9, 6), (1, 2, 1)])
@pytest.mark.usefixtures("block")
def test_scores_with_the_others_are_the_scores_of_the_pairs(
    build: Callable[[], Critic], num: int, total: int, offset: int
) -> None:
    torch.manual_seed(0)
    critic = build().double()
    x, y = random_pairs(num, total)
    ours, theirs = critic.others(x, y, offset=offset), pair_by_pair(critic, x, y, offset=offset)
    assert ours.shape == (num, total - 1)
    torch.testing.assert_close(ours, theirs, rtol=1e-12, atol=1e-12)
    weights = torch.randn(num, total - 1, dtype=torch.float64)
    leaves = [x, y, *critic.parameters()]
    gradients = [
        torch.autograd.grad((weights * scores).sum(), leaves, allow_unused=True, materialize_grads=True)
        for scores in (ours, theirs)
    ]
    torch.testing.assert_close(*gradients, rtol=1e-12, atol=1e-12)


@each_critic
def test_shapes_alone_are_enough(build: Callable[[], Critic]) -> None:
    with torch.device("meta"):
        scores = build().others(torch.ones(3, *SHAPE1), torch.ones(5, *SHAPE2), offset=1)
    assert scores.shape == (3, 4)


@each_critic
def test_a_row_without_others_has_no_scores(build: Callable[[], Critic]) -> None:
    assert build().others(torch.ones(1, *SHAPE1), torch.ones(1, *SHAPE2), offset=0).shape == (1, 0)


@each_critic
def test_a_rank_without_rows_has_no_scores(build: Callable[[], Critic]) -> None:
    critic = build()
    scores = critic.others(torch.ones(0, *SHAPE1), torch.ones(4, *SHAPE2), offset=2)
    assert scores.shape == (0, 3)
    gradients = torch.autograd.grad(scores.sum(), list(critic.parameters()), allow_unused=True, materialize_grads=True)
    assert not any(gradient.any() for gradient in gradients)


@each_critic
def test_scores_of_either_sign(build: Callable[[], Critic]) -> None:
    torch.manual_seed(0)
    critic = build().double()
    x, y = random_pairs(20, 20)
    scores = critic(10 * x, 10 * y)
    assert (scores < 0).any()
    assert (scores > 0).any() or isinstance(critic, critics.JointCritic)  # whose bias may outweigh


def test_a_joint_critic_keeps_no_layer_of_all_pairs() -> None:
    critic = joint((4,), (4,), widths=(64, 64))
    x, y = torch.randn(2, 32, 4)
    kept: list[int] = []

    def pack(tensor: Tensor) -> Tensor:
        kept.append(tensor.numel())
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
        scores = critic.others(x, y, offset=0)
    assert scores.requires_grad
    # 32 x 32 pairs of 64 hidden numbers would be 65,536; what is kept is the first layer of each row, and the scores.
    assert max(kept) <= 64 * 64


def test_product_critic_is_the_inner_product_of_what_it_is_given() -> None:
    x, y = torch.randn(4, 2, 3, dtype=torch.float64), torch.randn(5, 6, dtype=torch.float64)
    critic = product((2, 3), (6,))
    assert not list(critic.parameters())
    table = critic.table(x, y)
    for i, j in ((0, 0), (1, 4), (3, 2)):
        torch.testing.assert_close(table[i, j], sum(a * b for a, b in zip(x[i].flatten(), y[j], strict=True)))
    torch.testing.assert_close(critic(x, y[:4]), table.diagonal())
    with pytest.raises(ShapeError, match=r"two variables of one width, 6"):
        product((2, 3), (5,))


def test_bilinear_critic_is_a_matrix() -> None:
    critic = bilinear(SHAPE1, SHAPE2).double()
    assert [tuple(parameter.shape) for parameter in critic.parameters()] == [(3, 4)]
    x, y = random_pairs(6, 6)
    (matrix,) = critic.parameters()
    torch.testing.assert_close(critic(x, y), torch.einsum("bi,ij,bj->b", x, matrix, y.flatten(1)))


def test_critics_have_linear_outputs() -> None:
    for critic in (joint((3,), (3,), widths=(4,)), separable((3,), (3,), widths=(4,), dim=2)):
        for network in [critic.score] if isinstance(critic, critics.JointCritic) else [critic.embed1, critic.embed2]:
            assert isinstance(network, nn.Sequential)
            assert isinstance(network[-1], nn.Linear)
