"""A random view of an image by a recipe: one resampling, then changes of its values."""

import torch
from jaxtyping import Float
from torch import Tensor, nn

from mvib.data.channels.photometry import apply_to_some, blur_images, erase_images, jitter_images, to_grey
from mvib.data.channels.recipe import CROP_RATIO, JITTER_PROBABILITY, Recipe
from mvib.data.channels.warp import compose, draw_affines, draw_crops, draw_signs, resample


class Augmentation(nn.Module):
    """The channel p(view | image) of a recipe; draws from torch's global generator, for each image on its own.

    Images hold numbers in [0, 1], and so do their views. It has no parameters, and training mode does not matter.
    """

    def __init__(self, recipe: Recipe) -> None:
        """Keeps the recipe, whose numbers have been checked."""
        super().__init__()
        self.recipe = recipe

    def forward(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        """Draws one view of each image, in the image's dtype (half precision is computed in float32)."""
        is_wide = images.dtype in (torch.float32, torch.float64)
        views = images if is_wide else images.float()
        if self.recipe.moves:
            views = self._move(views)
        return self._change_values(views).to(images.dtype)

    def _move(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        recipe, (count, channels, height, width) = self.recipe, images.shape
        matrices = draw_affines(
            count,
            rotate=recipe.rotate,
            translate=recipe.translate,
            scale=recipe.scale,
            shear=recipe.shear,
            aspect=width / height,
            like=images,
        )
        if recipe.crop != (1.0, 1.0):
            matrices = compose(draw_crops(count, recipe.crop, CROP_RATIO, like=images), matrices)
        if recipe.flip > 0.0:
            signs = draw_signs(count, recipe.flip, like=images)
            matrices = torch.cat((matrices[:, :, :1] * signs[:, None, None], matrices[:, :, 1:]), dim=2)
        # Around handwriting there is empty paper; around a photograph the scene goes on.
        return resample(images, matrices, outside="zeros" if channels == 1 else "reflection")

    def _change_values(self, images: Float[Tensor, "B C H W"]) -> Float[Tensor, "B C H W"]:
        recipe = self.recipe
        if recipe.jitter > 0.0:
            jittered = jitter_images(images, strength=recipe.jitter)
            images = apply_to_some(images, jittered, probability=JITTER_PROBABILITY)
        if recipe.gray > 0.0:
            images = apply_to_some(images, to_grey(images).expand_as(images), probability=recipe.gray)
        if recipe.blur > 0.0:
            images = apply_to_some(images, blur_images(images), probability=recipe.blur)
        if recipe.erase > 0.0:
            images = apply_to_some(images, erase_images(images), probability=recipe.erase)
        return images
