"""The state of a run as one safetensors file: weights, buffers, optimizer and place in the training. Never a pickle.

Tensors are called `model.<name in the state of the model>` and `optimizer.<parameter>.<state>`. The header holds one
entry, `mvib`, a JSON object with the place and a checksum of everything; `checkpoint.json` beside the file is a copy of
it for people. Random numbers need no state: those of a step follow from the seed and the number of the step, and so do
the examples that it sees and the values of all schedules.
"""

import hashlib
import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import safetensors
import torch
from safetensors.torch import save as save_tensors
from torch import Tensor, nn

from mvib.inside import NotPlainError, open_inside
from mvib.reading import count_from, number_from, parse_json
from mvib.train.errors import DamagedCheckpointError, FolderError
from mvib.train.history import RunningMeans
from mvib.train.sharding import is_sharded, part_like, parts_like, put_together

FORMAT = 1
_HEADER = "mvib"
_MODEL = "model."
_OPTIMIZER = "optimizer."
_CHECKSUM = "checksum"


@dataclass(slots=True, kw_only=True)
class Place:
    """A place in the training, after a step.

    Attributes:
        epoch: how many epochs are over.
        batch: how many batches of the present one.
        step: how many steps in all.
        means: of the present epoch.
        scaler: what the scale of the loss in half precision has become; empty in other precisions.
    """

    epoch: int = 0
    batch: int = 0
    step: int = 0
    means: RunningMeans = field(default_factory=RunningMeans)
    scaler: dict[str, float] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Checkpoint:
    """A checkpoint as read.

    Attributes:
        path: of the file.
        place: where the training was.
        model: tensors of the model by their names.
        optimizer: tensors of the optimizer, by parameter and name.
        checksum: of all of it but the path.
    """

    path: Path
    place: Place
    model: Mapping[str, Tensor]
    optimizer: Mapping[str, Mapping[str, Tensor]]
    checksum: str


def collect_state(model: nn.Module, optimizer: torch.optim.Optimizer) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name."""
    return dict(_state(model, optimizer))


def collect_parted_state(model: nn.Module, optimizer: torch.optim.Optimizer, *, is_kept: bool) -> dict[str, Tensor]:
    """The tensors of a checkpoint by name, put together from the parts of all processes, on the CPU.

    No device holds more than one whole tensor at a time. All processes are to call it together.

    Args:
        model: whose weights are parted.
        optimizer: of it.
        is_kept: whether this process wants them; otherwise it gets nothing.
    """
    tensors = {}
    for name, value in _state(model, optimizer):
        whole = put_together(value)
        if is_kept:
            tensors[name] = whole.detach().cpu()
        # Before the next one is put together.
        del whole
    return tensors


def _state(model: nn.Module, optimizer: torch.optim.Optimizer) -> Iterator[tuple[str, Tensor]]:
    for name, value in model.state_dict().items():
        assert isinstance(value, Tensor), f"the state `{name}` of the model is no tensor"
        yield _MODEL + name, value
    for name, parameter in model.named_parameters():
        for key, value in optimizer.state.get(parameter, {}).items():
            if isinstance(value, Tensor):
                yield f"{_OPTIMIZER}{name}.{key}", value


def pack_checkpoint(tensors: Mapping[str, Tensor], place: Place) -> bytes:
    """The content of a checkpoint file; the same state gives the same bytes."""
    separate = _separate(tensors)
    header = describe_place(place)
    header[_CHECKSUM] = _checksum(separate, header)
    # One entry alone: safetensors writes several in an order that changes from run to run.
    return save_tensors(separate, metadata={_HEADER: json.dumps(header, sort_keys=True)})


def describe_place(place: Place) -> dict[str, Any]:
    """The place in the training as plain values."""
    return {"format": FORMAT, **asdict(place)}


def _checksum(tensors: Mapping[str, Tensor], header: Mapping[str, Any]) -> str:
    """A hash of the place and of the names, types, shapes and contents of the tensors."""
    digest = hashlib.blake2b(json.dumps(header, sort_keys=True).encode(), digest_size=16)
    for name in sorted(tensors):
        tensor = tensors[name]
        digest.update(f"{name} {tensor.dtype} {tuple(tensor.shape)}".encode())
        # As bytes, because numpy has no bfloat16.
        digest.update(tensor.reshape(-1).view(torch.uint8).numpy().data)
    return f"blake2b:{digest.hexdigest()}"


def _separate(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Tensors on the CPU that share no memory, as safetensors wants them."""
    seen: set[int] = set()
    result = {}
    for name, tensor in tensors.items():
        value = tensor.detach().cpu().contiguous()
        storage = value.untyped_storage()
        if storage.data_ptr() in seen or storage.nbytes() != value.nbytes:
            value = value.clone()
        seen.add(value.untyped_storage().data_ptr())
        result[name] = value
    return result


def find_non_finite(tensors: Mapping[str, Tensor]) -> str | None:
    """The name of a weight or buffer that holds a number that is not finite, if there is one."""
    for name, value in tensors.items():
        is_of_model = name.startswith(_MODEL) and value.is_floating_point()
        if is_of_model and not bool(torch.isfinite(value).all()):
            return name.removeprefix(_MODEL)
    return None


def read_checkpoint(path: Path) -> Checkpoint:
    """Read a checkpoint.

    Raises:
        FolderError: it is not there, or was written by a newer version.
        DamagedCheckpointError: it is cut off or altered.
    """
    try:
        open_inside(path.parent, path).close()
    except FileNotFoundError as error:
        remedy = "name the folder of a run that has begun to train"
        raise FolderError(f"there is no checkpoint `{path}`", remedy) from error
    except NotPlainError as error:
        raise _damaged(path, f"it {error.why}") from error
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    tensors: dict[str, Tensor] = {}
    try:
        with safetensors.safe_open(path, framework="pt") as file:
            header = (file.metadata() or {}).get(_HEADER)
            for name in file.keys():  # noqa: SIM118 - a file of safetensors has keys and is no mapping
                tensors[name] = file.get_tensor(name)
    except (safetensors.SafetensorError, OSError, ValueError) as error:
        raise _damaged(path, str(error)) from error
    place = _read_place(path, header)
    checksum = _check_sum(path, tensors, header)
    model = {name.removeprefix(_MODEL): value for name, value in tensors.items() if name.startswith(_MODEL)}
    optimizer: dict[str, dict[str, Tensor]] = {}
    for name, value in tensors.items():
        if name.startswith(_OPTIMIZER):
            parameter, _, key = name.removeprefix(_OPTIMIZER).rpartition(".")
            optimizer.setdefault(parameter, {})[key] = value
    return Checkpoint(path=path, place=place, model=model, optimizer=optimizer, checksum=checksum)


def _check_sum(path: Path, tensors: Mapping[str, Tensor], header: str | None) -> str:
    """The checksum of the content, which is that of the header."""
    assert header is not None, "a header that gave a place is there"
    values = parse_json(header)
    expected = values.pop(_CHECKSUM, None)
    if expected is None:
        raise _damaged(path, "it has no checksum")
    found = _checksum(tensors, values)
    if expected != found:
        raise _damaged(path, "its content does not have the checksum that it was written with")
    return found


def _read_place(path: Path, header: str | None) -> Place:
    if header is None:
        raise _damaged(path, "it does not say where the training was")
    try:
        values = parse_json(header)
        version = count_from(values["format"])
        if version > FORMAT:
            raise FolderError(
                f"`{path}` has format {version}, and this version of mvib reads up to {FORMAT}", "use a newer mvib"
            )
        means = values["means"]
        totals = {str(name): number_from(total) for name, total in means["totals"].items()}
        counts = {str(name): count_from(count) for name, count in means["counts"].items()}
        return Place(
            epoch=count_from(values["epoch"]),
            batch=count_from(values["batch"]),
            step=count_from(values["step"]),
            means=RunningMeans(totals=totals, counts=counts),
            scaler={str(name): number_from(value) for name, value in values.get("scaler", {}).items()},
        )
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise _damaged(path, f"its header cannot be read ({error})") from error


def check_model_state(model: nn.Module, checkpoint: Checkpoint) -> None:
    """Look whether the weights and buffers of a checkpoint are those of a model, which may have shapes alone.

    Raises:
        FolderError: they are not.
    """
    expected = model.state_dict()
    missing = sorted(set(expected) - set(checkpoint.model))
    unexpected = sorted(set(checkpoint.model) - set(expected))
    if missing or unexpected:
        what = f"has no `{missing[0]}`" if missing else f"has `{unexpected[0]}`, which the spec does not"
        raise _unusable(checkpoint.path, f"it is not of this spec: it {what}")
    for name, value in expected.items():
        found = checkpoint.model[name]
        if found.shape != value.shape:
            shapes = f"{tuple(found.shape)} and not {tuple(value.shape)}"
            raise _unusable(checkpoint.path, f"it is not of this spec: the shape of `{name}` is {shapes}")
        # Counts are whole numbers, and what is none cannot be made one.
        if not value.is_floating_point() and found.dtype != value.dtype:
            raise _unusable(checkpoint.path, f"it is not of this spec: `{name}` is {found.dtype} and not {value.dtype}")


def load_model_state(model: nn.Module, checkpoint: Checkpoint) -> None:
    """Put the weights and buffers of a checkpoint into a model.

    Raises:
        FolderError: they are not those of this model.
    """
    check_model_state(model, checkpoint)
    model.load_state_dict(parts_like(checkpoint.model, model.state_dict()))


def load_optimizer_state(model: nn.Module, optimizer: torch.optim.Optimizer, checkpoint: Checkpoint) -> None:
    """Put the state of a checkpoint into an optimizer over the parameters of a model.

    Raises:
        FolderError: it is not that of this optimizer.
    """
    names = {parameter: name for name, parameter in model.named_parameters()}
    ordered = [names[parameter] for group in optimizer.param_groups for parameter in group["params"]]
    unexpected = sorted(set(checkpoint.optimizer) - set(ordered))
    if unexpected:
        raise _unusable(checkpoint.path, f"its optimizer has a state for `{unexpected[0]}`, which is not trained")
    parameters = dict(model.named_parameters())
    state = {
        i: {key: _laid_out_like(parameters[name], value) for key, value in checkpoint.optimizer[name].items()}
        for i, name in enumerate(ordered)
        if name in checkpoint.optimizer
    }
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _laid_out_like(parameter: Tensor, value: Tensor) -> Tensor:
    # Another order in memory may be added up in another order, and a run that goes on would not have the same bits.
    if value.shape != parameter.shape:
        return value
    if is_sharded(parameter):
        return part_like(value, parameter)
    return torch.empty_like(parameter, dtype=value.dtype, requires_grad=False).copy_(value)


def _damaged(path: Path, why: str) -> DamagedCheckpointError:
    return DamagedCheckpointError(*_words(path, why))


def _unusable(path: Path, why: str) -> FolderError:
    return FolderError(*_words(path, why))


def _words(path: Path, why: str) -> tuple[str, str]:
    return f"the checkpoint `{path}` cannot be used: {why}", "train again, or name another run"
