"""A learned vector for each word of a vocabulary."""

from torch import nn

from mvib.nn.shapes import Shape, ShapeError


def embedding(shape: Shape, *, width: int, vocabulary: int) -> nn.Module:
    """Build the table of learned vectors that stand for tokens, which are whole numbers from 0 to before `vocabulary`.

    Args:
        shape: of the tokens of one example, (steps,).
        width: of each vector.
        vocabulary: how many words there are.

    Returns:
        A module from tokens (B, T), int64, to a sequence (B, T, width).

    Raises:
        ShapeError: the shape has not one axis.
    """
    if len(shape) != 1:
        raise ShapeError(expected="tokens, a row of whole numbers", found=shape, remedy="leave `embedding` out")
    return nn.Embedding(vocabulary, width)
