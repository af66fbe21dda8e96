"""Crops that say where their cells lie."""

import pytest
import torch

from mvib.data.channels.errors import ChannelError
from mvib.data.channels.located import located


def gradient_image(height: int, width: int) -> torch.Tensor:
    """Two channels that hold the row and the column of each pixel's centre, as shares of the sides."""
    rows = ((torch.arange(height) + 0.5) / height).double()
    columns = ((torch.arange(width) + 0.5) / width).double()
    return torch.stack(torch.meshgrid(rows, columns, indexing="ij"))


@pytest.mark.parametrize("flip", [0.0, 1.0])
def test_places_are_those_the_cells_are_read_at(flip: float) -> None:
    torch.manual_seed(0)
    height, width = 24, 36
    images = gradient_image(height, width).expand(5, -1, -1, -1)
    # With two channels there is no recolouring of the hue, and none is asked for here.
    channel = located((2, height, width), cells=3, crop=(0.2, 0.6), flip=flip)
    channel.recolour = torch.nn.Identity()
    views, places = channel(images)
    assert views.shape == images.shape
    assert places.shape == (5, 2, 3, 3)
    # A cell's centre lies between the pixels of the view, whose mean is its value: the image is linear.
    cells = torch.nn.functional.avg_pool2d(views, (height // 3, width // 3))
    inside = cells[:, :, 1:2, 1:2]
    sides = torch.tensor([height, width]).double()[:, None, None]
    torch.testing.assert_close(places[:, :, 1:2, 1:2] / sides, inside, rtol=0, atol=1e-6)
    columns = places[:, 1, 0]
    assert ((columns[:, 1:] < columns[:, :-1]) if flip else (columns[:, 1:] > columns[:, :-1])).all()
    assert (places[:, 0, 1:] > places[:, 0, :-1]).all()


def test_the_whole_image_has_its_own_places() -> None:
    channel = located((1, 8, 8), cells=4, crop=(1, 1))
    views, places = channel(torch.rand(2, 1, 8, 8))
    centres = torch.tensor([1.0, 3.0, 5.0, 7.0])
    # The whole area, but not always the image's ratio of sides.
    assert (places[:, 0].mean(dim=2) - centres).abs().max() < 1.5
    assert views.shape == (2, 1, 8, 8)
    assert float(views.min()) >= 0
    assert float(views.max()) <= 1


def test_half_precision_and_meta() -> None:
    channel = located((1, 8, 8), cells=4)
    views, places = channel(torch.rand(2, 1, 8, 8).bfloat16())
    assert views.dtype == places.dtype == torch.bfloat16
    with torch.device("meta"):
        views, places = located((3, 8, 8), cells=2)(torch.ones(2, 3, 8, 8))
    assert views.shape == (2, 3, 8, 8)
    assert places.shape == (2, 2, 2, 2)


def test_what_cannot_be_located() -> None:
    with pytest.raises(ChannelError, match="at least one cell for `cells`"):
        located((1, 8, 8), cells=0)
    with pytest.raises(ChannelError, match="an image"):
        located((8,), cells=2)
    with pytest.raises(ChannelError, match="`crop`"):
        located((1, 8, 8), crop=(0.0, 1.0))
