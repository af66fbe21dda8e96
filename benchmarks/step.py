"""Cost of a compiled step over the same objective written by hand, method by method, side by side in one run.

    python benchmarks/step.py [--repeats 30]

Both run the same networks (the compiled model's own), the same views and the same batch; only the objective and the
passage through the plan differ. The ratio is that of the medians of interleaved steps (forward, backward, and what
follows the optimizer).
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

import mvib
from mvib.compile import CompiledModel

BATCH = 256
Step = Callable[[], None]


def off_diagonal(c: Tensor) -> Tensor:
    n = c.shape[0]
    return c.flatten()[:-1].view(n - 1, n + 1)[:, 1:].flatten()


def simclr(model: CompiledModel, x: Tensor) -> Tensor:
    draw, f, g = (model.networks[name] for name in ("augment", "f", "g"))
    z = F.normalize(torch.cat([g(f(draw(x))), g(f(draw(x)))]))
    similarity = z @ z.T / 0.5
    similarity.fill_diagonal_(float("-inf"))
    n = len(x)
    labels = torch.cat([torch.arange(n, 2 * n), torch.arange(n)])
    return F.cross_entropy(similarity, labels)


def barlow_twins(model: CompiledModel, x: Tensor) -> Tensor:
    draw, f, g = (model.networks[name] for name in ("augment", "f", "g"))
    a, b = (F.batch_norm(g(f(draw(x))), None, None, training=True) for _ in range(2))
    c = a.T @ b / len(x)
    return torch.diagonal(c).add(-1).pow(2).sum() + 0.0051 * off_diagonal(c).pow(2).sum()


def vicreg(model: CompiledModel, x: Tensor) -> Tensor:
    draw, f, g = (model.networks[name] for name in ("augment", "f", "g"))
    a, b = g(f(draw(x))), g(f(draw(x)))
    loss = 25 * F.mse_loss(a, b)
    for z in (a, b):
        z = z - z.mean(dim=0)
        std = torch.sqrt(z.var(dim=0) + 1e-4)
        c = z.T @ z / (len(z) - 1)
        loss = loss + 12.5 * F.relu(1 - std).mean() + off_diagonal(c).pow(2).sum() / z.shape[1]
    return loss


def byol(model: CompiledModel, x: Tensor) -> Tensor:
    draw, f, g, q = (model.networks[name] for name in ("augment", "f", "g", "q"))
    ft, gt = model.networks["ft"], model.networks["gt"]
    x1, x2 = draw(x), draw(x)
    p1, p2 = q(g(f(x1))).direction, q(g(f(x2))).direction
    with torch.no_grad():
        t1, t2 = gt(ft(x1)), gt(ft(x2))
    return (4 - 2 * F.cosine_similarity(p1, t2) - 2 * F.cosine_similarity(p2, t1)).mean()


def vib(model: CompiledModel, x: Tensor, y: Tensor) -> Tensor:
    density = model.networks["e"](x)
    z = density.mean + density.std * torch.randn_like(density.std)
    kl = 0.5 * (density.mean**2 + density.std**2 - 1 - 2 * density.std.log()).sum(1).mean()
    loss: Tensor = F.cross_entropy(model.networks["c"](z).logits, y) + 1e-3 * kl
    return loss


def vae(model: CompiledModel, x: Tensor) -> Tensor:
    density = model.networks["e"](x)
    z = density.mean + density.std * torch.randn_like(density.std)
    kl = 0.5 * (density.mean**2 + density.std**2 - 1 - 2 * density.std.log()).sum(1).mean()
    logits = model.networks["d"](z).logits
    loss: Tensor = F.binary_cross_entropy_with_logits(logits, x, reduction="sum") / len(x) + kl
    return loss


BY_HAND = {"simclr": simclr, "barlow_twins": barlow_twins, "vicreg": vicreg, "byol": byol, "vib": vib, "vae": vae}


def move_copies(model: CompiledModel) -> None:
    with torch.no_grad():
        for copy, source in (("ft", "f"), ("gt", "g")):
            pairs = zip(model.networks[copy].parameters(), model.networks[source].parameters(), strict=True)
            for target, online in pairs:
                target.mul_(0.99).add_(online, alpha=0.01)


def steps(name: str, x: Tensor, y: Tensor) -> tuple[Step, Step]:
    """One compiled step and one written by hand, on models of their own with equal weights."""
    method = mvib.load(name)
    batch = {"X": x, "Y": y} if "Y" in method.graph.variables else {"X": x}
    models = []
    for _ in range(2):
        torch.manual_seed(0)
        models.append(mvib.compile(method, {"X": x, "Y": 10} if "Y" in batch else {"X": x}, steps=10_000))
    ours, theirs = models

    def compiled() -> None:
        ours.zero_grad(set_to_none=True)
        ours(batch).loss.backward()
        ours.after_step()

    def by_hand() -> None:
        theirs.zero_grad(set_to_none=True)
        BY_HAND[name](theirs, *batch.values()).backward()  # type: ignore[operator]
        if name == "byol":
            move_copies(theirs)

    return compiled, by_hand


def milliseconds(step: Step) -> float:
    start = time.perf_counter()
    step()
    return 1000 * (time.perf_counter() - start)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=30)
    arguments = parser.parse_args()
    x, y = torch.rand(BATCH, 1, 8, 8), torch.randint(0, 10, (BATCH,))
    print(f"{'method':<14}{'compiled ms':>12}{'by hand ms':>12}{'ratio':>8}")
    for name in BY_HAND:
        compiled, by_hand = steps(name, x, y)
        for step in (compiled, by_hand, compiled, by_hand):
            step()
        pairs = [(milliseconds(compiled), milliseconds(by_hand)) for _ in range(arguments.repeats)]
        ours, theirs = (statistics.median(column) for column in zip(*pairs, strict=True))
        print(f"{name:<14}{ours:>12.1f}{theirs:>12.1f}{ours / theirs:>8.2f}")


if __name__ == "__main__":
    main()
