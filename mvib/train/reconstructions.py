"""A picture of what the decoders of images predict: held-out examples above, their reconstructions below."""

import io
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from mvib.compile import CompiledModel
from mvib.data import Column, ColumnKind, held_out_part, read_batch

NUM_SHOWN = 16
_SIDE = 48
_GAP = 4
_PAPER = 255

Pixels = npt.NDArray[np.uint8]


@torch.no_grad()
def draw_reconstructions(model: CompiledModel, columns: Mapping[str, Column], device: torch.device) -> dict[str, bytes]:
    """A PNG for every decoder that predicts an image, of examples spread evenly over the held-out part.

    Args:
        model: trained.
        columns: the data.
        device: where the model is.

    Returns:
        PNG files by the name of the decoder; none where no decoder predicts an image.
    """
    number = min(len(column.test) for column in columns.values())
    # The first ones are of one class where a folder is read by class.
    places = torch.linspace(0, number - 1, min(NUM_SHOWN, number)).round().long()
    targets = {d: target for d, target in model.decoder_targets.items() if columns[target].kind is ColumnKind.IMAGE}
    if not targets:
        return {}
    batch = read_batch(held_out_part(columns), places)
    images = {decoder: batch[target].cpu() for decoder, target in targets.items()}
    predictions = model.predictions({name: values.to(device) for name, values in batch.items()})
    return {
        decoder: _draw_rows(originals, predictions[decoder].cpu().reshape(originals.shape))
        for decoder, originals in images.items()
    }


def _draw_rows(originals: Tensor, predicted: Tensor) -> bytes:
    height, width = originals.shape[-2:]
    factor = max(1, _SIDE // max(height, width))
    rows = [_draw_row(images, factor) for images in (originals, predicted)]
    gap = np.full((_GAP, *rows[0].shape[1:]), _PAPER, dtype=np.uint8)
    picture = np.concatenate((rows[0], gap, rows[1]))
    stream = io.BytesIO()
    Image.fromarray(picture[..., 0] if picture.shape[-1] == 1 else picture).save(stream, format="PNG")
    return stream.getvalue()


def _draw_row(images: Tensor, factor: int) -> Pixels:
    # Other numbers of channels than those of grey and colour images show their first.
    shown = images if images.shape[1] in (1, 3) else images[:, :1]
    values = (shown.float().nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
    enlarged = values.repeat(factor, axis=1).repeat(factor, axis=2)
    gap = np.full((enlarged.shape[1], _GAP, enlarged.shape[3]), _PAPER, dtype=np.uint8)
    parts = [part for image in enlarged for part in (gap, image)]
    return np.concatenate(parts[1:], axis=1)
