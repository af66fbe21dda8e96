"""The encoder of a method alone: its data variables in, the representation out, and nothing else."""

import copy
import math
from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from mvib.compile import CompiledModel
from mvib.compile.execution import Networks, Tables, run_steps
from mvib.export.errors import ExportError
from mvib.plan.plan import Apply, Density, Draw, Mean, Step

_KINDS_OF_WHOLE_NUMBERS = {"label", "tokens"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Represented:
    """A variable that the representation is made of.

    Attributes:
        name: as in the spec, `R[1]`.
        shape: of one example, before it is put into one row.
        is_mean: whether it is the mean of a stochastic encoder.
    """

    name: str
    shape: tuple[int, ...]
    is_mean: bool


class Encoder(nn.Module):
    """`encoder(x)`, or `encoder(x, t)` for several data variables: one row an example, in evaluation mode.

    It computes what `CompiledModel.encode` does, with each example's representation put into one row. Its weights are
    copies under the names that they have in the model, without those of critics, decoders and momentum copies that the
    representation does not need.

    Attributes:
        inputs: names of the data variables, in the order in which it takes them.
        input_shapes: of one example, by name.
        input_types: by name; labels and tokens are whole numbers.
        variables: that stand side by side in a row, in their order.
        width: how many numbers represent an example.
        dtype: of those numbers.
    """

    def __init__(self, model: CompiledModel) -> None:
        """Take the encoder out of a model; the model stays as it is.

        Raises:
            ExportError: the method has no representation.
        """
        super().__init__()
        readout = model.plan.representation
        if not readout.results:
            raise ExportError("the method has no representation: it has no encoder", "add `represent` to the spec")
        self.inputs = readout.inputs
        self.networks = Networks()
        for name in dict.fromkeys(_networks_of(readout.steps)):
            self.networks.add(name, copy.deepcopy(model.networks[name]))
        self._steps = readout.steps
        self._results = readout.results
        self._classes = dict(model.classes)
        self.input_shapes = {name: tuple(model.shapes[name]) for name in readout.inputs}
        self.input_types = {
            name: torch.int64 if model.plan.data[name][0] in _KINDS_OF_WHOLE_NUMBERS else model.networks.dtype
            for name in readout.inputs
        }
        self.requires_grad_(requires_grad=False)
        self.eval()
        means = {step.result for step in readout.steps if isinstance(step, Mean)}
        with torch.no_grad():
            values = dict(zip(self._results, self._values(self.example(2)), strict=True))
        self.variables = tuple(
            Represented(name=name, shape=tuple(value.shape[1:]), is_mean=name in means)
            for name, value in values.items()
        )
        self.width = sum(math.prod(variable.shape) for variable in self.variables)
        self.dtype = next(iter(values.values())).dtype

    def forward(self, *data: Tensor) -> Tensor:
        """The representation of unaugmented examples.

        Args:
            data: the data variables `inputs`, examples first.

        Returns:
            One row of `width` numbers an example.
        """
        return torch.cat([value.flatten(1) for value in self._values(data)], dim=1)

    def _values(self, data: tuple[Tensor, ...]) -> list[Tensor]:
        tables = Tables(dict(zip(self.inputs, data, strict=True)), classes=self._classes)
        run_steps(self._steps, self.networks, tables)
        return [tables.values[name] for name in self._results]

    def example(self, number: int, *, seed: int = 0) -> tuple[Tensor, ...]:
        """Made-up examples of the right shapes and types: numbers in [0, 1), or the first class.

        Args:
            number: of examples.
            seed: torch's global generator is left alone.
        """
        generator = torch.Generator("cpu").manual_seed(seed)
        device = next((value.device for value in self.state_dict().values()), torch.device("cpu"))
        examples = []
        for name in self.inputs:
            shape, dtype = (number, *self.input_shapes[name]), self.input_types[name]
            if dtype.is_floating_point:
                numbers = torch.rand(shape, generator=generator, dtype=dtype, device="cpu")
            else:
                numbers = torch.zeros(shape, dtype=dtype, device="cpu")
            examples.append(numbers.to(device))
        return tuple(examples)


def _networks_of(steps: tuple[Step, ...]) -> Iterator[str]:
    for step in steps:
        if isinstance(step, Apply | Density | Draw):
            yield step.network
