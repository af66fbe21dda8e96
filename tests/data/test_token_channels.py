"""Channels of tokens: what a patch holds, which tokens are drawn, where they stand, and shapes on the meta device."""

from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mvib.data.channels import ChannelError
from mvib.data.channels.blocks import blocks
from mvib.data.channels.hide import hide
from mvib.data.channels.patches import patches
from mvib.data.channels.split import split

SIDE = 6
SHAPE = (SIDE * SIDE, 2)


def cells(places: Tensor) -> list[list[tuple[int, int]]]:
    """Row and column of every token of every example."""
    return [[(int(row), int(column)) for row, column, _ in example] for example in places]


def grid_tokens(batch: int = 5, rows: int = SIDE, columns: int = SIDE) -> tuple[Tensor, Tensor]:
    """Tokens that hold their own row and column, and 100 times their example."""
    places = torch.tensor([[row, column, 1] for row in range(rows) for column in range(columns)])
    places = places.expand(batch, -1, -1)
    tokens = places[..., :2].double() + 100.0 * torch.arange(1, batch + 1)[:, None, None]
    return tokens, places


def assert_tokens_at_their_places(tokens: Tensor, places: Tensor) -> None:
    examples = 100.0 * torch.arange(1, len(tokens) + 1)[:, None, None]
    torch.testing.assert_close(tokens - examples, places[..., :2].double(), rtol=0, atol=0)


def test_patches_hold_row_column_channel_in_this_order() -> None:
    images = torch.randn(2, 3, 4, 6)
    ((tokens, places),) = patches((3, 4, 6), size=2)(images)
    assert tokens.shape == (2, 6, 12)
    assert cells(places)[1] == [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2)]
    assert (places[..., 2] == 1).all()
    for token, (row, column) in enumerate(cells(places)[0]):
        held = iter(tokens[1, token])
        for y in range(2):
            for x in range(2):
                for channel in range(3):
                    assert next(held) == images[1, channel, 2 * row + y, 2 * column + x]


def test_a_checkpoint_of_patches_is_empty() -> None:
    assert not patches((3, 4, 6), size=2).state_dict()
    assert patches((3, 4, 6), size=2).double().places.dtype == torch.int64


@pytest.mark.parametrize(("ratio", "visible"), [(0.75, 9), (0.5, 18), (0.6, 14)])
def test_split_keeps_the_rounded_down_share_and_loses_nothing(ratio: float, visible: int) -> None:
    tokens, places = grid_tokens()
    (seen, where_seen), (hidden, where_hidden) = split(SHAPE, ratio=ratio)(tokens, places)
    assert seen.shape[1] == visible
    assert_tokens_at_their_places(seen, where_seen)
    assert_tokens_at_their_places(hidden, where_hidden)
    drawn = set()
    for one, other in zip(cells(where_seen), cells(where_hidden), strict=True):
        assert one == sorted(one)
        assert other == sorted(other)
        assert sorted(one + other) == cells(places)[0]
        drawn.add(tuple(one))
    assert len(drawn) == len(tokens)  # each example draws on its own


def test_split_chooses_every_token_equally_often() -> None:
    tokens, places = grid_tokens(batch=1, rows=4, columns=4)
    torch.manual_seed(0)
    _, (_, hidden) = split((16, 2), ratio=0.75)(tokens.expand(4000, -1, -1), places.expand(4000, -1, -1))
    counts = torch.bincount((4 * hidden[..., 0] + hidden[..., 1]).flatten(), minlength=16) / 4000
    # Five standard errors of a share of 3/4 among 4000.
    torch.testing.assert_close(counts, torch.full((16,), 0.75), rtol=0, atol=5 * (0.75 * 0.25 / 4000) ** 0.5)


@pytest.mark.parametrize(("ratio", "block", "hidden_tokens"), [(0.6, 1, 22), (0.25, 2, 12), (0.5, 3, 18)])
def test_hide_empties_whole_squares_and_gives_what_they_held(ratio: float, block: int, hidden_tokens: int) -> None:
    tokens, places = grid_tokens()
    (all_tokens, known), (hidden, where) = hide(SHAPE, ratio=ratio, block=block)(tokens, places)
    assert all_tokens.shape == tokens.shape
    assert hidden.shape[1] == hidden_tokens
    assert_tokens_at_their_places(hidden, where)
    assert (where[..., 2] == 1).all()
    assert cells(known) == cells(places)
    for example in range(len(tokens)):
        lost = set(cells(where)[example])
        assert cells(where)[example] == sorted(lost)
        for token, cell in enumerate(cells(places)[example]):
            assert bool(known[example, token, 2]) == (cell not in lost)
            expected = torch.zeros(2) if cell in lost else tokens[example, token]
            assert torch.equal(all_tokens[example, token], expected.double())
            square = [
                (cell[0] // block * block + y, cell[1] // block * block + x) for y in range(block) for x in range(block)
            ]
            assert len(lost & set(square)) in {0, block**2}


def test_hide_takes_grids_that_are_not_square() -> None:
    tokens, places = grid_tokens(rows=2, columns=8)
    _, (hidden, where) = hide((16, 2), ratio=0.5, block=2)(tokens, places)
    assert_tokens_at_their_places(hidden, where)
    assert hidden.shape[1] == 8
    with pytest.raises(ChannelError, match=r"are multiples of `block`, 4, found 2 rows and 16 columns.*`block: 2`"):
        hide((32, 2), ratio=0.5, block=4)(*grid_tokens(rows=2, columns=16))


def test_content_that_is_hidden_does_not_leak_even_when_it_is_not_a_number() -> None:
    tokens, places = grid_tokens()
    (emptied, known), _ = hide(SHAPE)(torch.full_like(tokens, torch.nan), places)
    assert torch.equal(emptied.isnan().all(dim=2), known[..., 2] == 1)
    assert torch.equal((emptied == 0).all(dim=2), known[..., 2] == 0)


def is_block(found: list[tuple[int, int]]) -> bool:
    rows, columns = [row for row, _ in found], [column for _, column in found]
    whole = [(r, c) for r in range(min(rows), max(rows) + 1) for c in range(min(columns), max(columns) + 1)]
    return found == whole


def test_blocks_are_blocks_that_the_context_does_not_touch() -> None:
    tokens, places = grid_tokens(batch=40)
    torch.manual_seed(0)
    for _ in range(10):
        (context, known), *targets = blocks(SHAPE, outputs=4)(tokens, places)
        assert_tokens_at_their_places(context, known)
        assert len(targets) == 3
        assert len({target.shape for target, _ in targets}) == 1
        for example in range(len(tokens)):
            left = cells(known)[example]
            assert left == sorted(set(left))
            for target, where in targets:
                assert_tokens_at_their_places(target, where)
                assert is_block(cells(where)[example])
                assert not set(cells(where)[example]) & set(left)


def test_blocks_have_their_sizes_and_reach_every_token() -> None:
    rows, columns = 8, 8
    tokens, places = grid_tokens(batch=64, rows=rows, columns=columns)
    torch.manual_seed(0)
    areas, sizes, reached = [], set(), set()
    for _ in range(60):
        channel = blocks((rows * columns, 2), outputs=2, scale=(0.1, 0.3), aspect=(0.5, 2.0))
        _, (target, where) = channel(tokens, places)
        found = cells(where)
        reached |= {cell for example in found for cell in example}
        heights = {max(r for r, _ in example) - min(r for r, _ in example) + 1 for example in found}
        assert len(heights) == 1  # one size a batch
        areas.append(target.shape[1])
        sizes.add((heights.pop(), target.shape[1]))
    assert reached == {(row, column) for row in range(rows) for column in range(columns)}
    # Each side is rounded to a whole token: by at most 1 in about 4.
    assert 0.1 * 64 * 0.6 < min(areas) < max(areas) < 0.3 * 64 * 1.4
    assert len(sizes) > 5


def test_a_context_keeps_enough_and_gives_up_targets_only_where_it_must() -> None:
    tokens, places = grid_tokens(batch=100, rows=4, columns=4)
    torch.manual_seed(0)
    for _ in range(20):
        (context, _), *_ = blocks((16, 2), outputs=5, scale=(0.3, 0.5), keep=6)(tokens, places)
        assert context.shape[1] >= 6
    # Targets that fill the grid leave nothing, so that all of them are given up.
    (context, _), (target, _) = blocks((16, 2), outputs=2, scale=(1.0, 1.0), aspect=(1.0, 1.0))(tokens, places)
    assert target.shape[1] == 16
    assert context.shape[1] >= 9
    # A context that cannot have so many keeps what it is.
    (context, _), *_ = blocks((16, 2), outputs=2, context=(0.3, 0.3), keep=100)(tokens, places)
    assert context.shape[1] == 4


def test_tokens_without_places_are_a_sequence() -> None:
    tokens = torch.arange(8.0)[None, :, None].expand(3, -1, -1)
    for channel in (split((8, 1)), hide((8, 1)), blocks((8, 1), outputs=3, context=(1.0, 1.0))):
        for drawn, places in channel(tokens, None):
            assert (places[..., 0] == 0).all()
            visible = places[..., 2] == 1
            assert torch.equal(drawn[..., 0][visible], places[..., 1][visible].float())


@pytest.mark.parametrize(
    "channel",
    [split(SHAPE), hide(SHAPE, block=1), hide(SHAPE, block=2), blocks(SHAPE, outputs=5)],
    ids=["split", "hide", "hide squares", "blocks"],
)
def test_channels_of_tokens_run_on_the_meta_device(channel: nn.Module) -> None:
    real = channel(*grid_tokens())
    before = torch.get_rng_state()
    with torch.device("meta"):
        found = channel(torch.empty(4, *SHAPE), torch.empty(4, SHAPE[0], 3, dtype=torch.int64))
    assert torch.equal(torch.get_rng_state(), before)
    for (tokens, places), (other, _) in zip(found, real, strict=True):
        assert tokens.device.type == places.device.type == "meta"
        assert tokens.shape[0] == places.shape[0] == 4
        assert tokens.shape[1] == places.shape[1]
        if channel.__class__.__name__ != "_Blocks":
            assert tokens.shape[1:] == other.shape[1:]


def test_patches_on_the_meta_device() -> None:
    with torch.device("meta"):
        ((tokens, places),) = patches((1, 8, 8), size=2)(torch.empty(4, 1, 8, 8))
    assert tokens.shape == (4, 16, 4)
    assert places.shape == (4, 16, 3)


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (lambda: patches((64,)), r"expected an image \(channels, height, width\), found \(64,\)"),
        (lambda: patches((1, 8, 12), size=8), r"multiples of `size`, 8, found \(1, 8, 12\); write .*`size: 4`"),
        (lambda: split((1, 8, 8)), r"expected tokens \(number, features\), found \(1, 8, 8\); cut an image first"),
        (lambda: split((4, 3), ratio=0.9), r"some visible and some hidden, found 0\.9, which leaves 0 visible"),
        (lambda: split((4, 3), ratio=0.0), r"found 0, which leaves 4 visible; write for example `ratio: 0\.5`"),
        (lambda: split((1, 3)), "cut the image into smaller patches"),
        (lambda: hide((64,)), "expected tokens"),
        (lambda: hide((16, 3), ratio=1.0), "found 1, which hides 16"),
        (lambda: hide((18, 3), block=2), r"squares of 2 x 2 fill, found \(18, 3\)"),
        (lambda: hide((16, 3), block=4), "hide smaller squares"),
        (lambda: blocks((16, 3), outputs=1), "a context and at least one target"),
        (lambda: blocks((16, 3), outputs=5, scale=(0.5, 1.5)), "`scale`"),
        (lambda: blocks((16, 3), outputs=5, aspect=(2.0, 0.5)), "`aspect`"),
        (lambda: blocks((16, 3), outputs=5, context=(0.0, 0.5)), "`context`"),
    ],
)
def test_what_cannot_be_drawn_is_refused(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ChannelError, match=message):
        build()


def test_tokens_that_fill_no_grid_are_refused() -> None:
    tokens, places = grid_tokens()
    with pytest.raises(ChannelError, match="tokens that fill a grid, found 35 tokens in 6 rows and 6 columns"):
        blocks((35, 2), outputs=2)(tokens[:, 1:], places[:, 1:])
