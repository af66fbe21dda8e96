"""Loss curves of bundled specs in float64, by one process or by several that share each batch.

    python -m tests.train.sharing [--fsdp] OUT SPEC...

Run alone it is one process; with the variables of `torchrun` it is one of several. The first writes its curves, and
the norms of all weights and buffers at the end, as JSON.
"""

import json
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.distributed.tensor import DTensor

import mvib
from mvib.compile import CompiledModel, LabelShape
from mvib.plan import build_plan
from mvib.train.checkpoint import collect_parted_state
from mvib.train.config import Precision, TrainConfig, read_config
from mvib.train.engine import Engine, start_engine
from mvib.train.errors import SettingError
from mvib.train.optimizers import build_optimizer, set_rates
from mvib.train.processes import Placement
from mvib.train.step import Broken, take_step
from tests.compile.emitted import CLASSES, random_data

NUM_STEPS = 3
# Odd, so that no number of processes shares it evenly. Whitening wants more rows than dimensions.
ROWS = {"wmse": 137}
FEW = 13
# A second batch in which only one example has the text: a learned number has no part in it.
OWN = {
    "own/partial_pairs": """method PartialPairs
data    X: image, T: vector partial
encoder f: X -> Z = mlp(16, 8)
encoder g: T -> U = mlp(16, 8, norm: layer)
encoder h: X -> R = linear(4)
decoder d: R ~> X = gaussian(linear(64), var: 1)
term agree: maximize I(Z; U) by infonce(temperature: learned(0.2))
term again: minimize H(X | R) by d
represent Z
""",
    "own/learned_priors": """method LearnedPriors
data    X: image
encoder e: X ~> Z = gaussian(mlp(16), dim: 4)
decoder d: Z ~> X = mixture(mlp(16), components: 2)
term fit:   minimize H(X | Z) by d
term rate:  minimize I(X; Z) by rate(mixture(3))
term match: minimize D(Z || mixture(3)) by mmd()
represent Z
""",
}


def build(name: str, *, rows: int) -> tuple[CompiledModel, TrainConfig, list[dict[str, Tensor]]]:
    """A bundled spec, with a narrow backbone, in float64, its settings, and batches."""
    spec = mvib.loads(OWN[name]) if name in OWN else mvib.load(name)
    if spec.method.settings.get("backbone") is not None:
        spec = mvib.load(name, settings={"train.backbone": "conv(4, 4, 8, 128)"})
    plan = build_plan(spec.method, spec.graph, spec.analysis.readings)
    torch.manual_seed(0)
    batches = []
    for step in range(NUM_STEPS):
        batch = {key: random_data(kind, rows) for key, (kind, _) in plan.data.items()}
        for key, (kind, is_partial) in plan.data.items():
            if kind == "label":
                batch[key] = batch[key][torch.randperm(rows)]
            if is_partial:
                is_rare = kind == "vector" and step == 1
                batch[f"{key}.present"] = torch.arange(rows) == 0 if is_rare else torch.arange(rows) % 3 > 0
        batches.append(batch)
    shapes: dict[str, Any] = {
        name: LabelShape(CLASSES) if kind == "label" else tuple(batches[0][name].shape)
        for name, (kind, _) in plan.data.items()
    }
    torch.set_default_dtype(torch.float64)
    try:
        torch.manual_seed(0)
        model = mvib.compile(spec, shapes, steps=100)
    finally:
        torch.set_default_dtype(torch.float32)
    return model, read_config(spec.method), batches


def curve(engine: Engine, name: str, *, parts: int = 1, fixed_statistics: bool = False) -> dict[str, Any]:
    """The losses of the first steps, all estimates, and the size of the state at the end."""
    model, config, batches = build(name, rows=ROWS.get(name, FEW))
    try:
        model = engine.place(model)
    except SettingError as error:
        return {"refused": str(error)}
    optimizer = build_optimizer(model, config.optimizer)
    set_rates(optimizer, lr=config.optimizer.lr / 10, weight_decay=config.optimizer.weight_decay)
    compute = engine.join(model, precision=Precision.FP32, parts=parts)
    losses: list[float] = []
    terms: list[dict[str, float]] = []
    model.train()
    if fixed_statistics:
        fix_statistics(model)
    for step, batch in enumerate(batches):
        torch.manual_seed(step)
        own = engine.share.of(torch.arange(len(next(iter(batch.values())))))
        part = {key: value[own] for key, value in batch.items()}
        result = take_step(model, optimizer, part, compute=compute, clip=config.clip)
        assert not isinstance(result, Broken), f"{name}: {result.culprit}"
        losses.append(result.loss)
        terms.append(dict(result.terms))
    found: dict[str, Any] = {"losses": losses, "terms": terms}
    if engine.is_sharded:
        found["kept"] = engine.gather([(key, str(value)) for key, value in what_is_kept(engine, model, optimizer)])
    whole = engine.whole(model, for_all=True).state_dict()
    state = {key: float(value.double().norm()) for key, value in whole.items()}
    found["state"] = state
    if engine.is_sharded:
        found["states"] = engine.gather([(key, str(value)) for key, value in state.items()])
    return found


def what_is_kept(
    engine: Engine, model: nn.Module, optimizer: torch.optim.Optimizer
) -> Iterator[tuple[str, float | int]]:
    """How many whole weights this process has, its share of the numbers of all others, and what it saves."""
    weights = [p for p in model.parameters() if p.ndim > 0]
    yield "whole", sum(not isinstance(p, DTensor) for p in weights)
    yield "weights", share_of(weights)
    yield "gradients", share_of([p.grad for p in weights if p.grad is not None])
    state = [value for of in optimizer.state.values() for value in of.values() if isinstance(value, Tensor)]
    yield "optimizer", share_of([value for value in state if value.ndim > 0])
    yield "saved", len(collect_parted_state(model, optimizer, is_kept=engine.is_first))


def share_of(tensors: Sequence[Tensor]) -> float:
    """Numbers that are here, of those of all processes; 0 where there are none at all."""
    here = sum(value.to_local().numel() if isinstance(value, DTensor) else value.numel() for value in tensors)
    return here / max(1, sum(value.numel() for value in tensors))


def fix_statistics(model: nn.Module) -> None:
    """Let batch normalisation use what it has seen, so that examples stay alone in it."""
    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm):
            module.eval()


def main() -> None:
    """Write the curves of the specs named."""
    torch.set_num_threads(1)
    fsdp = sys.argv[1] == "--fsdp"
    out, *names = sys.argv[2:] if fsdp else sys.argv[1:]
    engine = start_engine(Placement(fsdp=fsdp))
    with engine.together():
        found = {name: curve(engine, name) for name in names}
    if engine.is_first:
        Path(out).write_text(json.dumps(found))


if __name__ == "__main__":
    main()
