"""A random resized crop that says where in the image its parts come from."""

from dataclasses import replace

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.data.channels.arguments import Shape, check_image
from mvib.data.channels.augmentation import Augmentation
from mvib.data.channels.errors import ChannelError
from mvib.data.channels.recipe import CROP_RATIO, Recipe, check_recipe, choose_recipe
from mvib.data.channels.warp import Range, draw_crops, draw_signs, resample

Drawn = tuple[Float[Tensor, "B C H W"], Float[Tensor, "B 2 K K"]]


class _Located(nn.Module):
    """The channel p(view, places | image): crop and flip are drawn here, changes of values by a recipe."""

    def __init__(self, recipe: Recipe, cells: int) -> None:
        super().__init__()
        self.crop, self.flip, self.cells = recipe.crop, recipe.flip, cells
        self.recolour = Augmentation(replace(recipe, crop=(1.0, 1.0), flip=0.0))

    def forward(self, images: Float[Tensor, "B C H W"]) -> Drawn:
        """Draws a view of each image, and gives of each of its cells the row and column of the centre, in pixels."""
        count, channels, height, width = images.shape
        is_wide = images.dtype in (torch.float32, torch.float64)
        views = images if is_wide else images.float()
        matrices = draw_crops(count, self.crop, CROP_RATIO, like=views)
        if self.flip > 0.0:
            signs = draw_signs(count, self.flip, like=views)
            matrices = torch.cat((matrices[:, :, :1] * signs[:, None, None], matrices[:, :, 1:]), dim=2)
        views = self.recolour(resample(views, matrices, outside="zeros" if channels == 1 else "reflection"))
        # -1 and 1 are the outer edges of the view, x to the right and y down.
        centres = (torch.arange(self.cells, device=views.device, dtype=views.dtype) * 2 + 1) / self.cells - 1
        y, x = torch.meshgrid(centres, centres, indexing="ij")
        of_view = torch.stack((x.flatten(), y.flatten(), torch.ones_like(x).flatten()))
        column, row = ((matrices @ of_view + 1) / 2).unbind(dim=1)
        places = torch.stack((row * height, column * width), dim=1).reshape(count, 2, self.cells, self.cells)
        return views.to(images.dtype), places.to(images.dtype)


def located(shape: Shape, *, cells: int = 7, crop: Range | None = None, flip: float | None = None) -> nn.Module:
    """Builds the channel of a random resized crop that gives the places of its cells beside it.

    Changes of colour, and the numbers that are left out, are those of the usual recipe for the shape; affine maps are
    none, so that a cell stays a rectangle of the image.

    Args:
        shape: (channels, height, width).
        cells: number of cells along each side: those of the map that an encoder makes of the view.
        crop: interval of the share of the area that is cropped and resized.
        flip: probability of a left-right flip; the places are flipped too.

    Returns:
        A module from images in [0, 1], (B, C, H, W), to views of the same shape and, in pixels of the image, the row
        and column of the centre of each cell, (B, 2, cells, cells).

    Raises:
        ChannelError: the shape is not an image's, or a number is out of its range.

    Source: Bardes, Ponce, LeCun 2022 (VICRegL), arXiv:2210.01571, section 3.2. Differs from the official code,
    facebookresearch/VICRegL at 1345219, which by default leaves the places as they are when it flips.
    """
    check_image(shape, channel="located")
    if cells < 1:
        raise ChannelError("at least one cell for `cells`", str(cells), "write for example `cells: 7`")
    usual = choose_recipe(shape)
    recipe = Recipe(
        crop=usual.crop if crop is None else crop,
        flip=usual.flip if flip is None else flip,
        jitter=usual.jitter,
        gray=usual.gray,
        blur=usual.blur,
    )
    check_recipe(recipe, shape, channel="located")
    return _Located(recipe, cells)
