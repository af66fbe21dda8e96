"""What the model makes of the sample at one step: the representation, that of two views, and the estimates."""

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.compile import CompiledModel
from mvib.compile.model import evaluation_mode
from mvib.semantics.method import Method, VariableKind
from mvib.train.config import TrainConfig
from mvib.train.history import RunningMeans
from mvib.train.monitors.sample import Batch, Sample
from mvib.train.randomness import seed_held_out
from mvib.train.step import run_model

_ROWS = 256


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Observation:
    """The sample seen through the model, in float32, on the CPU: not every device has the double precision of spectra.

    Attributes:
        features: representation of the unaugmented held-out rows.
        train_features: that of the training rows; empty where no probe is asked for.
        view_names: of the two views' variables, empty where the method has no two.
        views: their rows, row i of both from the same example.
        terms: estimates by label of the term.
    """

    features: Float[Tensor, "M D"]
    train_features: Float[Tensor, "N D"]
    view_names: tuple[str, ...]
    views: tuple[Tensor, ...]
    terms: Mapping[str, float]


def view_family(method: Method) -> tuple[str, str] | None:
    """Names of the first two members of one family of representations.

    The family is the represented one, which methods with different projectors have in common; where it has no two
    members, the first that has. None where there is no such family.
    """
    represented = [member.family for member in method.represent]
    families = sorted(
        (family for family in method.variables.values() if family.kind is VariableKind.REPRESENTATION),
        key=lambda family: family.name not in represented,
    )
    for family in families:
        members = [str(member) for member in family.members if len(member.index) == 1]
        if len(members) > 1:
            return members[0], members[1]
    return None


@torch.no_grad()
def observe(
    model: CompiledModel,
    sample: Sample,
    config: TrainConfig,
    *,
    views: tuple[str, str] | None,
    with_train: bool,
    with_objective: bool,
    device: torch.device,
) -> Observation:
    """Look at the sample; the model is in evaluation mode meanwhile, and its views are the same every time."""
    features = _encode(model, sample.held_out)
    seen: tuple[list[Tensor], list[Tensor]] = ([], [])
    means = RunningMeans()
    if with_objective:
        number = sample.num_held_out
        size = min(config.batch, number)
        seed_held_out(config.seed)
        with evaluation_mode(model):
            for start in range(0, number, size):
                batch = {name: rows[start : start + size] for name, rows in sample.held_out.items()}
                if model.couples_batch and number - start < size:
                    break
                output = run_model(model, batch, precision=config.precision, device=device)
                for name, value in output.terms.items():
                    means.add({name: float(value)}, examples=output.counts[name])
                for rows, name in zip(seen, views or (), strict=False):
                    if name in output.variables:
                        rows.append(output.variables[name].flatten(1).float())
    # Tokens of a crop and of the whole are of one family, and of two sizes.
    has_views = all(seen) and [rows.shape for rows in seen[0]] == [rows.shape for rows in seen[1]]
    return Observation(
        features=features,
        train_features=_encode(model, sample.train) if with_train else features[:0],
        view_names=views if has_views and views is not None else (),
        views=tuple(torch.cat(rows).cpu() for rows in seen) if has_views else (),
        terms={name: means.mean(name) for name in means.totals},
    )


def _encode(model: CompiledModel, batch: Batch) -> Tensor:
    number = len(next(iter(batch.values())))
    parts = [
        model.encode({name: rows[start : start + _ROWS] for name, rows in batch.items()}).flatten(1).float()
        for start in range(0, number, _ROWS)
    ]
    return torch.cat(parts).cpu()
