"""A picture of nearest neighbours: held-out examples, each with the held-out examples that are nearest to it."""

import io

import numpy as np
import numpy.typing as npt
import torch
import torch.nn.functional as F
from PIL import Image
from torch import Tensor

from mvib.compile import CompiledModel
from mvib.data import ColumnKind
from mvib.train.examples import Examples
from mvib.train.monitors.sample import take_sample

NUM_QUERIES, NUM_NEIGHBOURS = 8, 6
_SIDE, _FRAME, _GAP, _PAPER = 48, 3, 4, 255
_SAME, _OTHER, _PLAIN = (0, 114, 178), (213, 94, 0), (200, 200, 200)

Pixels = npt.NDArray[np.uint8]


@torch.no_grad()
def draw_neighbours(model: CompiledModel, examples: Examples, device: torch.device) -> bytes | None:
    """A PNG of rows: an example, and its nearest neighbours by cosine similarity of the representation.

    Both are of the held-out sample that monitors look at. A frame is blue where the neighbour has the label of the
    example, and orange where it has another; grey where labels are missing.

    Returns:
        The file; none where the data have no image, or the representation is not finite.
    """
    images = next((name for name, column in examples.columns.items() if column.kind is ColumnKind.IMAGE), None)
    if images is None or not model.plan.representation.results:
        return None
    sample = take_sample(examples, device=device)
    features = model.encode(sample.held_out).flatten(1).float().cpu()
    if len(features) <= NUM_NEIGHBOURS or not bool(features.isfinite().all()):
        return None
    queries = torch.linspace(0, len(features) - 1, min(NUM_QUERIES, len(features))).round().long()
    rows = F.normalize(features, dim=1)
    similarity = rows[queries] @ rows.T
    similarity[torch.arange(len(queries)), queries] = -torch.inf
    nearest = similarity.topk(NUM_NEIGHBOURS, dim=1).indices
    labels = sample.held_out_labels if sample.label else None
    pictures = sample.held_out[images].cpu()
    lines = [_row(pictures, int(q), [int(n) for n in found], labels) for q, found in zip(queries, nearest, strict=True)]
    stream = io.BytesIO()
    Image.fromarray(np.concatenate(_spaced(lines, axis=0))).save(stream, format="PNG", optimize=True)
    return stream.getvalue()


def _row(pictures: Tensor, query: int, nearest: list[int], labels: Tensor | None) -> Pixels:
    cells = [_framed(pictures[query], _PLAIN)]
    for neighbour in nearest:
        colour = _PLAIN
        if labels is not None and min(int(labels[query]), int(labels[neighbour])) >= 0:
            colour = _SAME if int(labels[query]) == int(labels[neighbour]) else _OTHER
        cells.append(_framed(pictures[neighbour], colour))
    # The example stands apart from its neighbours.
    apart = np.full((cells[0].shape[0], 2 * _GAP, 3), _PAPER, dtype=np.uint8)
    return np.concatenate([cells[0], apart, *_spaced(cells[1:], axis=1)], axis=1)


def _spaced(parts: list[Pixels], *, axis: int) -> list[Pixels]:
    shape = list(parts[0].shape)
    shape[axis] = _GAP
    gap = np.full(shape, _PAPER, dtype=np.uint8)
    return [piece for part in parts for piece in (gap, part)][1:]


def _framed(image: Tensor, colour: tuple[int, int, int]) -> Pixels:
    # Other numbers of channels than those of grey and colour images show their first.
    shown = image if image.shape[0] in (1, 3) else image[:1]
    values = (shown.float().nan_to_num().clamp(0, 1) * 255).round().to(torch.uint8).expand(3, -1, -1)
    small = Image.fromarray(values.permute(1, 2, 0).contiguous().numpy())
    scale = _SIDE / max(small.size)
    size = (max(1, round(small.width * scale)), max(1, round(small.height * scale)))
    resample = Image.Resampling.NEAREST if scale > 1 else Image.Resampling.LANCZOS
    framed = np.empty((size[1] + 2 * _FRAME, size[0] + 2 * _FRAME, 3), dtype=np.uint8)
    framed[:] = colour
    framed[_FRAME:-_FRAME, _FRAME:-_FRAME] = np.asarray(small.resize(size, resample))
    return framed
