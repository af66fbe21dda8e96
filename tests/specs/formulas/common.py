"""What the equality tests share: a compiled spec in float64, and the comparison with its authors' formula."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

import mvib
from mvib.compile import CompiledModel, Output

BATCH = 12
CLASSES = 10
TOLERANCE = 1e-10


@dataclass(frozen=True)
class Compiled:
    """A compiled spec with a batch it was run on."""

    method: mvib.Specification
    model: CompiledModel
    batch: dict[str, Tensor]
    out: Output

    def variables(self, *names: str) -> list[Tensor]:
        """Variables of the graph as they were computed."""
        return [self.out.variables[name] for name in names]


def random_data(kind: str, batch: int = BATCH) -> Tensor:
    """Data of a type of the language."""
    match kind:
        case "image":
            return torch.rand(batch, 1, 8, 8, dtype=torch.float64)
        case "vector":
            return torch.randn(batch, 20, dtype=torch.float64)
        case "sequence":
            return torch.randn(batch, 8, 6, dtype=torch.float64)
        case "label":
            return torch.randint(0, CLASSES, (batch,))
        case _:
            raise AssertionError(kind)


def compiled(
    spec: str,
    *,
    settings: Mapping[str, str | float] | None = None,
    data: Mapping[str, Tensor] | None = None,
    batch: int = BATCH,
    progress: float = 0.0,
    seed: int = 0,
    eval_mode: bool = False,
) -> Compiled:
    """Compile a bundled spec in float64 and run it on a random batch.

    Args:
        spec: name of a bundled spec, or path of one.
        settings: as `--set` takes them.
        data: data variables in the place of random ones.
        batch: number of examples.
        progress: of training, for schedules.
        seed: of weights, data and samples.
        eval_mode: whether the networks are in evaluation mode.
    """
    torch.manual_seed(seed)
    method = mvib.load(spec, settings=settings) if settings else mvib.load(spec)
    values: dict[str, Tensor] = {}
    example: dict[str, Tensor | int] = {}
    for name, variable in method.graph.variables.items():
        if variable.kind.value != "data":
            continue
        given = (data or {}).get(name)
        values[name] = given if given is not None else random_data(variable.type, batch)
        example[name] = CLASSES if variable.type == "label" else values[name]
    model = mvib.compile(method, example).double()
    model.train(not eval_mode)
    model.set_progress(progress)
    torch.manual_seed(seed + 1)
    return Compiled(method, model, values, model(values))


def assert_authors(run: Compiled, outputs: Sequence[Tensor], formula: Callable[..., Tensor]) -> None:
    """Loss and gradients with respect to the networks' outputs are those of the authors' formula.

    Args:
        run: the compiled spec.
        outputs: tensors of its graph that the formula takes.
        formula: the authors' loss of them; it stops gradients where the authors do.
    """
    expected = formula(*outputs)
    assert abs(run.out.loss.item() - expected.item()) < TOLERANCE * max(1.0, abs(expected.item()))
    inputs = [tensor for tensor in outputs if tensor.requires_grad]
    assert inputs
    ours = torch.autograd.grad(run.out.loss, inputs, retain_graph=True, allow_unused=True)
    theirs = torch.autograd.grad(expected, inputs, retain_graph=True, allow_unused=True)
    for mine, other, tensor in zip(ours, theirs, inputs, strict=True):
        left = mine if mine is not None else torch.zeros_like(tensor)
        right = other if other is not None else torch.zeros_like(tensor)
        torch.testing.assert_close(left, right, atol=TOLERANCE, rtol=TOLERANCE)


def assert_authors_by_parameters(run: Compiled, expected: Tensor) -> None:
    """The same with respect to every trained parameter, where a sample stands between a network and the loss."""
    assert abs(run.out.loss.item() - expected.item()) < TOLERANCE * max(1.0, abs(expected.item()))
    parameters = [p for p in run.model.parameters() if p.requires_grad]
    assert parameters
    ours = torch.autograd.grad(run.out.loss, parameters, retain_graph=True, allow_unused=True)
    theirs = torch.autograd.grad(expected, parameters, retain_graph=True, allow_unused=True)
    for mine, other, parameter in zip(ours, theirs, parameters, strict=True):
        left = mine if mine is not None else torch.zeros_like(parameter)
        right = other if other is not None else torch.zeros_like(parameter)
        torch.testing.assert_close(left, right, atol=TOLERANCE, rtol=TOLERANCE)


def unit(z: Tensor) -> Tensor:
    """Rows scaled to norm one."""
    rows: Tensor = z / z.norm(dim=1, keepdim=True)
    return rows
