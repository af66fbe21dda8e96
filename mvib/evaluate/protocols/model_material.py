"""What protocols need of a model beside its frozen representation: views of examples, and a copy that is trained."""

import copy
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mvib.compile import CompiledModel
from mvib.compile.model import evaluation_mode
from mvib.data import Rows, read_batch
from mvib.evaluate.protocols.material import Places, Trainable

LIDAR_EXAMPLES = 1000
LIDAR_VIEWS = 10
_BATCH = 250


@torch.no_grad()
def encode_views(
    model: CompiledModel,
    tensors: Mapping[str, Rows],
    *,
    seed: int,
    num_views: int = LIDAR_VIEWS,
    places: Places | None = None,
) -> npt.NDArray[np.float32] | None:
    """Representations of views that the method itself draws, of `LIDAR_EXAMPLES` drawn examples at most.

    Args:
        model: stays as it is; it runs in evaluation mode.
        tensors: by data variable.
        seed: of the examples and their views; torch's global generator is left alone.
        num_views: of each example, or a few more where the method draws them together.
        places: of the examples that may be drawn; none for all.

    Returns:
        (N, Q, D), none where the method has no several values of what it represents.
    """
    families = [name.partition("[")[0] for name in model.plan.representation.results]
    members = {family: _members(model, family) for family in families}
    counts = {len(names) for names in members.values()}
    if not families or len(counts) != 1 or min(counts) < 2:
        return None
    trial = copy.deepcopy(model)
    device = device_of(model)
    among = np.arange(min(len(rows) for rows in tensors.values())) if places is None else places
    chosen = torch.from_numpy(among[_draw_places(len(among), seed=seed)])
    rounds = -(-num_views // min(counts))
    parts: list[Tensor] = []
    with torch.random.fork_rng(devices=[device] if device.type == "cuda" else []), evaluation_mode(trial):
        torch.manual_seed(seed)
        for drawn_places in torch.split(chosen, _BATCH):
            batch = {name: rows.to(device) for name, rows in read_batch(tensors, drawn_places).items()}
            size = len(next(iter(batch.values())))
            drawn: list[Tensor] = []
            for _ in range(rounds):
                found = trial(batch).variables
                for names in zip(*members.values(), strict=True):
                    drawn.append(torch.cat([found[name].flatten(1).float() for name in names], dim=1))
            if any(rows.shape != drawn[0].shape or len(rows) != size for rows in drawn):
                return None
            parts.append(torch.stack(drawn, dim=1).cpu())
    return torch.cat(parts).numpy()


def _draw_places(number: int, *, seed: int) -> Places:
    """Some of so many rows, in rising order. The first ones would be of few classes where a folder is read by class."""
    drawn: Places = np.random.default_rng(seed).permutation(number)[:LIDAR_EXAMPLES]
    return np.sort(drawn)


def _members(model: CompiledModel, family: str) -> list[str]:
    return [name for name in model.plan.variables if name.startswith(f"{family}[") and "," not in name]


def make_trainable(
    model: CompiledModel,
    train: Mapping[str, Rows],
    test: Mapping[str, Rows],
    *,
    train_places: Places,
    test_places: Places,
) -> Trainable:
    """A copy of the model in evaluation mode, so that normalisation keeps its statistics; all weights may be trained.

    Args:
        model: stays as it is.
        train: the training part by data variable.
        test: the held-out part.
        train_places: of the labelled examples among them.
        test_places: of the labelled held-out ones.
    """
    trial = copy.deepcopy(model).eval()
    device = device_of(model)
    parameters = tuple(trial.networks.parameters())
    for parameter in parameters:
        parameter.requires_grad = True

    def encode(parts: Mapping[str, Rows], known: Places, places: Places) -> Tensor:
        batch = read_batch(parts, torch.from_numpy(known[places]))
        return trial.encode({name: rows.to(device) for name, rows in batch.items()}).flatten(1)

    return Trainable(
        parameters=parameters,
        encode_train=lambda places: encode(train, train_places, places),
        encode_test=lambda places: encode(test, test_places, places),
    )


def device_of(model: CompiledModel) -> torch.device:
    """Where a model is; one without parameters may be anywhere, and is taken to be on the CPU."""
    parameter = next(model.parameters(), None)
    return parameter.device if parameter is not None else torch.device("cpu")
