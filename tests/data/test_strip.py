"""Strips that cover an example, side by side or overlapping."""

import pytest
import torch

from mvib.data.channels import ChannelError
from mvib.data.channels.strip import strip


@pytest.mark.parametrize(("size", "number"), [(8, 4), (8, 1), (32, 4), (6, 3)])
def test_strips_side_by_side_make_the_example(size: int, number: int) -> None:
    image = torch.rand(2, 3, 5, size)
    parts = [strip((3, 5, size), columns=v, of=number)(image) for v in range(1, number + 1)]
    assert {part.shape[3] for part in parts} == {size // number}
    assert torch.equal(torch.cat(parts, dim=3), image)
    turned = [strip((3, size, 5), rows=v, of=number)(image.mT) for v in range(1, number + 1)]
    assert torch.equal(torch.cat(turned, dim=2), image.mT)


@pytest.mark.parametrize(
    ("size", "number", "overlap", "firsts", "width"),
    [(8, 7, 0.5, range(7), 2), (32, 7, 0.5, range(0, 28, 4), 8), (13, 3, 0.2, (0, 4, 8), 5), (9, 1, 0.5, (0,), 9)],
)
def test_strips_that_overlap(size: int, number: int, overlap: float, firsts: range, width: int) -> None:
    row = torch.arange(float(size))[None]
    for v, first in enumerate(firsts, start=1):
        expected = row[:, first : first + width]
        assert torch.equal(strip((size,), columns=v, of=number, overlap=overlap)(row), expected)
    assert len(firsts) == number
    assert firsts[-1] + width == size


def test_strips_that_cannot_cover_the_example_are_refused_with_what_can() -> None:
    with pytest.raises(ChannelError, match=r"cover 32 columns, found 5; numbers that fit are 1, 2, 4, 8, 16, 32:"):
        strip((3, 32, 32), columns=1, of=5)
    with pytest.raises(ChannelError, match=r"overlapping by 0.5, that cover 8 rows, found 6; .* are 1, 3, 7:"):
        strip((1, 8, 8), rows=1, of=6, overlap=0.5)


def test_arguments_that_name_no_strip() -> None:
    with pytest.raises(ChannelError, match=r"either `columns` or `rows`"):
        strip((1, 8, 8), of=4)
    with pytest.raises(ChannelError, match=r"either `columns` or `rows`"):
        strip((1, 8, 8), of=4, rows=1, columns=1)
    with pytest.raises(ChannelError, match=r"from 1 to 4 for `rows`, found 5"):
        strip((1, 8, 8), of=4, rows=5)
    with pytest.raises(ChannelError, match=r"data with rows"):
        strip((8,), of=4, rows=1)
