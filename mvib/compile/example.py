"""What the data of a method look like: shapes and numbers of classes, from tensors or from shapes alone."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from mvib.nn.shapes import Shape


@dataclass(frozen=True, slots=True)
class LabelShape:
    """An example for a label variable: how many classes there are."""

    classes: int


@dataclass(frozen=True, slots=True)
class TokensShape:
    """An example for a variable of tokens: the shape of a batch, and how many words the least vocabulary has."""

    shape: tuple[int, ...]
    words: int


Example = Tensor | tuple[int, ...] | int | LabelShape | TokensShape


class ExampleError(Exception):
    """The example does not fit the data variables of the method."""


@dataclass(frozen=True, slots=True)
class DataShape:
    """Shape of one example of a data variable, and for a label its number of classes.

    Attributes:
        shape: without the batch axis.
        classes: of a label, else None.
        is_whole: whether it is of whole numbers: a label, or tokens.
        words: of tokens, how many words a vocabulary has that has all of the example, 0 where that is not known.
    """

    shape: Shape
    classes: int | None = None
    is_whole: bool = False
    words: int = 0


def read_example(
    example: Mapping[str, Example] | Tensor | tuple[int, ...], data: Mapping[str, tuple[str, bool]]
) -> dict[str, DataShape]:
    """Shapes of all data variables.

    Args:
        example: by name a batch as a tensor, its shape (batch axis first), and for a label a tensor, the number of
            classes or a `LabelShape`. A single tensor or shape stands for the only variable that is no label.
        data: types of the data variables by name, and whether they are partial.

    Raises:
        ExampleError: a variable is missing, unknown, or its example makes no sense.
    """
    if not isinstance(example, Mapping):
        arrays = [name for name, (kind, _) in data.items() if kind != "label"]
        if len(arrays) != 1:
            raise ExampleError(f"the method has the data variables {_listed(data)}: give an example for each by name")
        example = {arrays[0]: example}
    known = {name: value for name, value in example.items() if not name.endswith(".present")}
    unknown = sorted(set(known) - set(data))
    if unknown:
        raise ExampleError(f"the method has no data variable {_listed(unknown)}; it has {_listed(data)}")
    return {name: _read_one(name, kind, known.get(name)) for name, (kind, _) in data.items()}


def _read_one(name: str, kind: str, value: Example | None) -> DataShape:
    if kind == "label":
        return DataShape((), _classes(name, value), is_whole=True)
    match value:
        case None:
            raise ExampleError(f"no example is given for the data variable `{name}`")
        case TokensShape() if kind == "tokens":
            shape = value.shape
        case Tensor() | tuple() | list():
            shape = tuple(int(size) for size in (value.shape if isinstance(value, Tensor) else value))
        case _:
            raise ExampleError(f"the example for `{name}` must be a tensor or a shape")
    axes = {"image": (4,), "vector": (2,), "sequence": (3,), "tokens": (2,)}[kind]
    if len(shape) not in axes or any(size < 1 for size in shape[1:]):
        expected = {
            "image": "(batch, channels, height, width)",
            "vector": "(batch, features)",
            "sequence": "(batch, steps, features)",
            "tokens": "(batch, steps)",
        }
        raise ExampleError(
            f"`{name}` is of type {kind}, which is {expected[kind]}, and its example has the shape {shape}"
        )
    if kind == "tokens" and isinstance(value, Tensor) and value.is_floating_point():
        raise ExampleError(f"the example for `{name}` holds {value.dtype}, and tokens are whole numbers; use `.long()`")
    return DataShape(shape[1:], is_whole=kind == "tokens", words=_words(value) if kind == "tokens" else 0)


def _words(value: Example) -> int:
    match value:
        case TokensShape(words=number):
            return number
        case Tensor() if value.numel():
            return int(value.max()) + 1
        case _:
            return 0


def _classes(name: str, value: Example | None) -> int | None:
    match value:
        case None:
            return None
        case LabelShape(classes):
            number = classes
        case bool():
            raise ExampleError(f"the example for the label `{name}` must be a tensor or the number of classes")
        case int():
            number = value
        case tuple() | list() if len(value) == 1:
            # The shape of a batch of labels does not say how many classes there are.
            return None
        case Tensor() if not value.is_floating_point() and value.dim() == 1 and value.numel():
            number = int(value.max()) + 1
        case _:
            raise ExampleError(
                f"the example for the label `{name}` must be whole numbers on one axis, or the number of classes"
            )
    if number < 2:
        raise ExampleError(f"the label `{name}` needs at least two classes, and its example shows {number}")
    return number


def batch_of(shape: DataShape, *, size: int, device: torch.device) -> Tensor:
    """An empty batch of a data variable, for inference of shapes."""
    if shape.classes is not None:
        return torch.zeros(size, dtype=torch.int64, device=device)
    return torch.zeros(size, *shape.shape, dtype=torch.int64 if shape.is_whole else None, device=device)


def _listed(names: object) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"  # type: ignore[attr-defined]
