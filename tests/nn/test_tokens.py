"""Networks of tokens: against transformers written with loops, and against the order of steps in the authors' code."""

import copy
import math
from collections.abc import Callable, Mapping
from functools import partial

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from mvib.nn.builders.at import at
from mvib.nn.builders.first import first
from mvib.nn.builders.linear_at import linear_at
from mvib.nn.builders.place_encoding import encode_places, grid_places
from mvib.nn.builders.predictor import predictor
from mvib.nn.builders.rest import rest
from mvib.nn.builders.transformer import transformer
from mvib.nn.builders.vit import vit
from mvib.nn.shapes import ShapeError

BATCH = 3
IMAGE = (3, 4, 6)
PLACES = grid_places(2, 3).expand(BATCH, -1, -1)
small_vit = partial(vit, width=8, depth=2, heads=2)
small_transformer = partial(transformer, width=8, depth=2, heads=2)
small_predictor = partial(predictor, width=8, depth=2, heads=2)
CLASS_PLACE = torch.tensor([[[-1, -1, 1]]]).expand(BATCH, -1, -1)

Parameters = Mapping[str, Tensor]


def randomised(module: nn.Module) -> nn.Module:
    """The module in double precision with all parameters random, those that start at zero or one among them."""
    module = module.double()
    with torch.no_grad():
        for parameter in module.parameters():
            parameter.copy_(torch.randn_like(parameter) * 0.5)
    return module


def parameters_of(module: nn.Module) -> Parameters:
    return dict(module.named_parameters())


# ---- transcriptions --------------------------------------------------------------------------------------------------


def sine_cosine(position: int, width: int) -> list[float]:
    """`get_1d_sincos_pos_embed_from_grid` of MAE, one position."""
    angles = [position / 10000 ** (k / (width / 2)) for k in range(width // 2)]
    return [math.sin(angle) for angle in angles] + [math.cos(angle) for angle in angles]


def position_encoding(row: int, column: int, width: int) -> Tensor:
    """`get_2d_sincos_pos_embed` of MAE: "here w goes first"; zeros for the class token."""
    if row < 0:
        return torch.zeros(width, dtype=torch.float64)
    return torch.tensor(sine_cosine(column, width // 2) + sine_cosine(row, width // 2), dtype=torch.float64)


def encodings(places: Tensor, width: int) -> Tensor:
    rows = [[position_encoding(int(r), int(c), width) for r, c, _ in example] for example in places]
    return torch.stack([torch.stack(row) for row in rows])


def norm(x: Tensor, p: Parameters, name: str) -> Tensor:
    mean = x.mean(-1, keepdim=True)
    variance = ((x - mean) ** 2).mean(-1, keepdim=True)
    return (x - mean) / torch.sqrt(variance + 1e-6) * p[f"{name}.weight"] + p[f"{name}.bias"]


def affine(x: Tensor, p: Parameters, name: str) -> Tensor:
    return x @ p[f"{name}.weight"].T + p[f"{name}.bias"]


def attention(x: Tensor, p: Parameters, name: str, heads: int) -> Tensor:
    """One example (K, D): softmax(q k / sqrt(d)) v, head by head."""
    width = x.shape[1]
    size = width // heads
    mixed = affine(x, p, f"{name}.query_key_value")
    gathered = []
    for head in range(heads):
        q, k, v = (mixed[:, part * width + head * size : part * width + (head + 1) * size] for part in range(3))
        weights = torch.exp(q @ k.T / math.sqrt(size))
        gathered.append(weights / weights.sum(1, keepdim=True) @ v)
    return affine(torch.cat(gathered, 1), p, f"{name}.join")


def run_blocks(x: Tensor, p: Parameters, *, depth: int, heads: int) -> Tensor:
    """One example through pre-norm blocks and the last normalisation."""
    for layer in range(depth):
        name = f"blocks.{layer}"
        x = x + attention(norm(x, p, f"{name}.norm1"), p, f"{name}.attention", heads)
        hidden = affine(norm(x, p, f"{name}.norm2"), p, f"{name}.mlp.0")
        gelu = hidden * 0.5 * (1 + torch.erf(hidden / math.sqrt(2)))
        x = x + affine(gelu, p, f"{name}.mlp.2")
    return norm(x, p, f"blocks.{depth}")


def encode(tokens: Tensor, places: Tensor, p: Parameters, *, class_token: bool) -> Tensor:
    """`forward_encoder` of MAE behind its mask, with SimMIM's mask tokens; example by example."""
    encoded = []
    for x, place in zip(tokens, places, strict=True):
        features = affine(x, p, "embedding.project")
        rows = [p["embedding.mask_token"] if int(v) == 0 else f for f, (_, _, v) in zip(features, place, strict=True)]
        features = torch.stack(rows) + encodings(place[None], 8)[0]
        if class_token:
            features = torch.cat([p["class_token"][None], features])
        encoded.append(run_blocks(features, p, depth=2, heads=2))
    return torch.stack(encoded)


def patchify(images: Tensor, p: int) -> Tensor:
    """`patchify` of MAE."""
    n, c, height, width = images.shape
    x = images.reshape(n, c, height // p, p, width // p, p)
    x = torch.einsum("nchpwq->nhwpqc", x)
    return x.reshape(n, (height // p) * (width // p), p**2 * c)


# ---- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("width", [4, 8, 12, 192])
def test_encoding_is_that_of_mae(width: int) -> None:
    places = torch.cat((CLASS_PLACE[:1], grid_places(3, 5)[None]), dim=1)
    found = encode_places(places, width, dtype=torch.float64)
    torch.testing.assert_close(found, encodings(places, width), rtol=0, atol=1e-14)
    assert encode_places(places, width, dtype=torch.bfloat16).dtype == torch.bfloat16


# ---- the encoders ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("class_token", [True, False])
def test_vit_of_tokens_is_the_authors_encoder(class_token: bool) -> None:
    torch.manual_seed(0)
    module = randomised(small_vit((4, 5), class_token=class_token))
    tokens = torch.randn(BATCH, 4, 5, dtype=torch.float64, requires_grad=True)
    places = torch.stack([PLACES[0][torch.randperm(6)[:4]] for _ in range(BATCH)])
    places[0, 1, 2] = places[2, 3, 2] = 0
    encoded, known = module(tokens, places=places)
    parameters = parameters_of(module)
    expected = encode(tokens, places, parameters, class_token=class_token)
    torch.testing.assert_close(encoded, expected, rtol=1e-10, atol=1e-10)
    target = torch.randn_like(expected)
    inputs = [tokens, *parameters.values()]
    ours = torch.autograd.grad(F.mse_loss(encoded, target), inputs)
    theirs = torch.autograd.grad(F.mse_loss(expected, target), inputs)
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)
    assert (known[..., 2] == 1).all()  # what was hidden has been filled in
    assert torch.equal(known[:, -4:, :2], places[..., :2])
    if class_token:
        assert torch.equal(known[:, :1], CLASS_PLACE)


def test_vit_of_an_image_is_that_of_its_patches() -> None:
    torch.manual_seed(0)
    of_image = randomised(small_vit(IMAGE, patch=2))
    of_tokens = small_vit((6, 12)).double()
    of_tokens.load_state_dict(of_image.state_dict())
    images = torch.rand(BATCH, *IMAGE, dtype=torch.float64)
    encoded, places = of_image(images)
    expected, known = of_tokens(patchify(images, 2), places=PLACES)
    torch.testing.assert_close(encoded, expected, rtol=1e-12, atol=1e-12)
    assert torch.equal(places, known)
    assert encoded.shape == (BATCH, 7, 8)


def test_hidden_content_is_not_seen() -> None:
    module = randomised(small_vit((6, 5)))
    tokens = torch.randn(BATCH, 6, 5, dtype=torch.float64)
    places = PLACES.clone()
    places[:, 2, 2] = 0
    changed = tokens.clone()
    changed[:, 2] = 7.0
    torch.testing.assert_close(module(tokens, places=places)[0], module(changed, places=places)[0], rtol=0, atol=0)


def test_the_order_of_tokens_moves_their_codes_and_changes_none() -> None:
    module = randomised(small_vit((6, 5)))
    tokens = torch.randn(BATCH, 6, 5, dtype=torch.float64)
    order = torch.randperm(6)
    encoded, _ = module(tokens, places=PLACES)
    shuffled, _ = module(tokens[:, order], places=PLACES[:, order])
    torch.testing.assert_close(shuffled[:, 1:], encoded[:, 1:][:, order], rtol=1e-10, atol=1e-10)
    torch.testing.assert_close(shuffled[:, 0], encoded[:, 0], rtol=1e-10, atol=1e-10)


def test_transformer_is_a_vit_without_class_token() -> None:
    module = randomised(small_transformer((6, 5)))
    tokens = torch.randn(BATCH, 6, 5, dtype=torch.float64)
    encoded, known = module(tokens, places=PLACES)
    expected = encode(tokens, PLACES, parameters_of(module), class_token=False)
    torch.testing.assert_close(encoded, expected, rtol=1e-10, atol=1e-10)
    assert torch.equal(known, PLACES)


def test_tokens_without_places_are_a_sequence() -> None:
    tokens = torch.randn(BATCH, 6, 5, dtype=torch.float64)
    row = grid_places(1, 6).expand(BATCH, -1, -1)
    for build in (small_vit, small_transformer):
        module = randomised(build((6, 5)))
        torch.testing.assert_close(module(tokens)[0], module(tokens, places=row)[0], rtol=0, atol=0)


def test_places_are_in_no_checkpoint() -> None:
    names = set(small_vit(IMAGE, patch=2).state_dict())
    assert names == {name for name, _ in small_vit(IMAGE, patch=2).named_parameters()}


def test_a_copy_runs_like_its_source() -> None:
    module = randomised(small_vit(IMAGE, patch=2))
    images = torch.rand(BATCH, *IMAGE, dtype=torch.float64)
    torch.testing.assert_close(copy.deepcopy(module)(images)[0], module(images)[0], rtol=0, atol=0)


# ---- the predictor ---------------------------------------------------------------------------------------------------


def test_predictor_is_the_decoder_of_mae() -> None:
    """`forward_decoder` of MAE: mask tokens at the hidden places, unshuffled, all predicted, the hidden kept."""
    torch.manual_seed(0)
    module = randomised(small_predictor((3, 5), target=(4, 7)))
    p = parameters_of(module)
    latent = torch.randn(BATCH, 3, 5, dtype=torch.float64, requires_grad=True)  # a class token and two visible ones
    shuffles = [torch.randperm(6) for _ in range(BATCH)]
    visible = torch.stack([PLACES[0][order[:2]] for order in shuffles])
    hidden = torch.stack([PLACES[0][order[2:].sort().values] for order in shuffles])
    expected = []
    for x, order in zip(latent, shuffles, strict=True):
        embedded = affine(x, p, "embedding.project")
        everywhere = torch.cat([embedded[1:], p["embedding.mask_token"].expand(4, -1)])[torch.argsort(order)]
        tokens = torch.cat([embedded[:1], everywhere]) + encodings(torch.cat((CLASS_PLACE[:1], PLACES[:1]), 1), 8)[0]
        pred = affine(run_blocks(tokens, p, depth=2, heads=2), p, "project")[1:]
        expected.append(pred[order[2:].sort().values])
    found, places = module(latent, places=torch.cat((CLASS_PLACE, visible), dim=1), target_places=hidden)
    assert torch.equal(places, hidden)
    torch.testing.assert_close(found, torch.stack(expected), rtol=1e-10, atol=1e-10)
    target = torch.randn_like(found)
    ours = torch.autograd.grad(F.mse_loss(found, target), [latent, *p.values()])
    theirs = torch.autograd.grad(F.mse_loss(torch.stack(expected), target), [latent, *p.values()])
    for one, other in zip(ours, theirs, strict=True):
        torch.testing.assert_close(one, other, rtol=1e-10, atol=1e-10)


def test_predictor_takes_any_number_of_tokens_and_targets() -> None:
    module = randomised(small_predictor((3, 5), target=(4, 7)))
    found, _ = module(torch.randn(BATCH, 5, 5).double(), places=PLACES[:, :5], target_places=PLACES[:, 5:])
    assert found.shape == (BATCH, 1, 7)
    assert module(torch.randn(BATCH, 2, 5).double())[0].shape == (BATCH, 4, 7)


def test_predictions_know_no_target_but_their_own() -> None:
    """A target's prediction depends on the context and its place; other targets are in the same attention."""
    module = randomised(small_predictor((6, 5), target=(2, 7)))
    tokens = torch.randn(BATCH, 6, 5, dtype=torch.float64)
    found, _ = module(tokens, places=PLACES, target_places=PLACES[:, :2])
    swapped, _ = module(tokens, places=PLACES, target_places=PLACES[:, :2].flip(1))
    torch.testing.assert_close(swapped.flip(1), found, rtol=1e-10, atol=1e-10)


def test_linear_at_maps_the_tokens_at_the_targets_places() -> None:
    torch.manual_seed(0)
    module = randomised(linear_at((7, 5), target=(2, 3)))
    p = parameters_of(module)
    tokens = torch.randn(BATCH, 7, 5, dtype=torch.float64)
    wanted = torch.stack([PLACES[0][torch.randperm(6)[:2]] for _ in range(BATCH)])
    found, places = module(tokens, places=torch.cat((CLASS_PLACE, PLACES), dim=1), target_places=wanted)
    assert torch.equal(places, wanted)
    for example in range(BATCH):
        for token, (row, column, _) in enumerate(wanted[example]):
            expected = affine(tokens[example, 1 + 3 * row + column], p, "project")
            torch.testing.assert_close(found[example, token], expected, rtol=1e-12, atol=1e-12)
    assert module(tokens)[0].shape == (BATCH, 7, 3)  # without places: token by token


# ---- choice of tokens ------------------------------------------------------------------------------------------------


def test_at_gives_the_tokens_of_one_at_the_places_of_the_other() -> None:
    tokens = torch.randn(BATCH, 7, 5, requires_grad=True)
    orders = torch.stack([torch.randperm(6) for _ in range(BATCH)])
    places = torch.cat((CLASS_PLACE, PLACES.gather(1, orders[:, :, None].expand(-1, -1, 3))), dim=1)
    wanted = torch.stack([PLACES[0][torch.randperm(6)[:4]] for _ in range(BATCH)])
    wanted[:, :, 2] = 0  # visibility says nothing about where a token stands
    found, known = at(((7, 5), (4, 2)))(tokens, torch.zeros(BATCH, 4, 2), places=(places, wanted))
    assert torch.equal(known, wanted)
    for example in range(BATCH):
        for token in range(4):
            row, column, _ = wanted[example, token].tolist()
            source = orders[example].tolist().index(3 * row + column)
            assert torch.equal(found[example, token], tokens[example, 1 + source])
    (gradient,) = torch.autograd.grad(found.sum(), tokens)
    assert gradient.sum() == BATCH * 4 * 5
    assert not gradient[:, 0].any()


def test_at_says_where_there_is_no_token() -> None:
    module = at(((2, 5), (2, 5)))
    with pytest.raises(ValueError, match="at places where there are none"):
        module(torch.ones(BATCH, 2, 5), torch.ones(BATCH, 2, 5), places=(PLACES[:, :2], PLACES[:, 2:4]))
    with pytest.raises(ValueError, match="takes two variables"):
        at(((2, 5),))


def test_rest_is_all_tokens_but_the_first_at_their_places() -> None:
    tokens = torch.randn(BATCH, 7, 5)
    places = torch.cat([CLASS_PLACE, PLACES], dim=1)
    found, lying = rest((7, 5))(tokens, places=places)
    assert torch.equal(found, tokens[:, 1:])
    assert torch.equal(lying, PLACES)
    assert rest((7, 5))(tokens)[1] is None
    with pytest.raises(ShapeError, match="expected two tokens or more"):
        rest((1, 5))
    with pytest.raises(ShapeError, match=r"expected tokens \(number, features\)"):
        rest((3, 4, 6))


def test_first_is_the_first_token() -> None:
    tokens = torch.randn(BATCH, 6, 5)
    assert torch.equal(first((6, 5))(tokens), tokens[:, 0])


# ---- all of them -----------------------------------------------------------------------------------------------------


def _runs() -> dict[str, tuple[Callable[[], nn.Module], Callable[[nn.Module, torch.dtype], Tensor], tuple[int, ...]]]:
    def tokens(dtype: torch.dtype) -> Tensor:
        return torch.ones(BATCH, 6, 5, dtype=dtype)

    def places(num: int = 6) -> Tensor:
        return torch.ones(BATCH, num, 3, dtype=torch.int64)

    return {
        "vit of an image": (
            lambda: small_vit(IMAGE, patch=2),
            lambda m, t: m(torch.ones(BATCH, *IMAGE, dtype=t))[0],
            (7, 8),
        ),
        "vit of tokens": (lambda: small_vit((6, 5)), lambda m, t: m(tokens(t), places=places())[0], (7, 8)),
        "transformer": (lambda: small_transformer((6, 5)), lambda m, t: m(tokens(t), places=places())[0], (6, 8)),
        "predictor": (
            lambda: small_predictor((6, 5), target=(2, 7)),
            lambda m, t: m(tokens(t), places=places(), target_places=places(2))[0],
            (2, 7),
        ),
        "linear_at": (
            lambda: linear_at((6, 5), target=(2, 7)),
            lambda m, t: m(tokens(t), places=places(), target_places=places(2))[0],
            (2, 7),
        ),
        "at": (
            lambda: at(((6, 5), (2, 1))),
            lambda m, t: m(tokens(t), torch.ones(BATCH, 2, 1), places=(places(), places(2)))[0],
            (2, 5),
        ),
        "first": (lambda: first((6, 5)), lambda m, t: m(tokens(t)), (5,)),
    }


each_module = pytest.mark.parametrize(("build", "run", "shape"), list(_runs().values()), ids=list(_runs()))


@each_module
@pytest.mark.parametrize("device", ["cpu", "meta"])
def test_shapes_and_devices(
    build: Callable[[], nn.Module],
    run: Callable[[nn.Module, torch.dtype], Tensor],
    shape: tuple[int, ...],
    device: str,
) -> None:
    with torch.device(device):
        module = build()
        for mode in (True, False):
            assert run(module.train(mode), torch.float32).shape == (BATCH, *shape)


@each_module
def test_half_precision_of_networks_and_double(
    build: Callable[[], nn.Module], run: Callable[[nn.Module, torch.dtype], Tensor], shape: tuple[int, ...]
) -> None:
    torch.manual_seed(0)
    module = build()
    full = run(module, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        half = run(module, torch.float32)
    torch.testing.assert_close(half.float(), full, rtol=0.05, atol=0.05)
    if any(True for _ in module.parameters()):
        torch.autograd.backward(half.float().square().sum())
        assert all(p.grad is None or p.grad.isfinite().all() for p in module.parameters())
    double = run(module.double(), torch.float64)
    assert double.dtype == torch.float64
    torch.testing.assert_close(double.float(), full, rtol=1e-4, atol=1e-5)
    assert run(module.bfloat16(), torch.bfloat16).dtype == torch.bfloat16


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: vit((64,)), r"expected an image \(channels, height, width\), found a vector of 64"),
        (lambda: vit((1, 8, 12), patch=8), "whose sides are multiples of `patch`, 8, found an image .*`patch: 4`"),
        (
            lambda: vit((1, 8, 8), width=30, heads=3),
            "`width`, here 30, is a multiple of 4 and of its 3 heads.*`width: 36`",
        ),
        (lambda: transformer((6, 5), width=8, heads=3), "`width: 12`"),
        (lambda: transformer((1, 8, 8)), r"expected tokens \(number, features\), found an image .*a view `patches`"),
        (lambda: predictor((64,), target=(4, 7)), r"expected tokens .*found a vector of 64; use `mlp\(512, 128\)`"),
        (lambda: predictor((6, 5), target=(7,)), "expected tokens .*found a vector of 7"),
        (lambda: predictor((6, 5), target=(4, 7), width=10), "`width: 12`"),
        (lambda: linear_at((6, 5), target=(7,)), "expected tokens"),
        (lambda: at(((6, 5), (7,))), "expected tokens"),
        (lambda: first((7,)), "expected tokens"),
    ],
)
def test_shapes_that_do_not_fit(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ShapeError, match=message) as raised:
        build()
    assert raised.value.remedy
