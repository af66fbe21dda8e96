"""One process of a distributed run of all cases: `worker.py WORLD RANK STORE OUT`."""

import sys
import traceback
from pathlib import Path

import torch
import torch.distributed as dist

sys.path[:0] = [str(Path(__file__).parent), str(Path(__file__).parents[3])]

from cases import Case, all_cases, run_case  # type: ignore[import-not-found]  # noqa: E402

from mvib.catalogue.signature import Reduction  # noqa: E402
from mvib.estimators.ranks import ProcessRanks  # noqa: E402

# Global rows and the share of each rank in them: even, uneven, one rank with a single row, and one with none.
SPLITS = {
    2: (("even", 24, (0.5, 0.5)), ("uneven", 23, (0.7, 0.3)), ("last", 9, (8 / 9, 1 / 9)), ("none", 10, (0.0, 1.0))),
    4: (("even", 24, (0.25,) * 4), ("uneven", 21, (0.4, 0.1, 0.3, 0.2))),
}
TRAFFIC_ROWS = (64, 256)


class Traffic:
    """Counts the bytes that this process gives to collectives."""

    def __init__(self) -> None:
        self.bytes = 0
        for name, position in (("all_reduce", 0), ("all_gather", 1), ("broadcast", 0)):
            self._count(name, position)

    def _count(self, name: str, position: int) -> None:
        original = getattr(dist, name)

        def counted(*args: object, **keywords: object) -> object:
            tensor = args[position]
            assert isinstance(tensor, torch.Tensor)
            self.bytes += tensor.numel() * tensor.element_size()
            return original(*args, **keywords)

        setattr(dist, name, counted)

    def of(self, case: Case, ranks: ProcessRanks, rows: int) -> int:
        """Bytes of two steps, the averaging of gradients included, which does not depend on the rows."""
        before = self.bytes
        run_case(case, ranks, rows=rows, shares=(1 / ranks.size,) * ranks.size, dtype=torch.float64)
        return self.bytes - before


def attempt(
    case: Case, ranks: ProcessRanks, *, rows: int, shares: tuple[float, ...], dtype: torch.dtype
) -> dict[str, torch.Tensor] | str:
    """What a case gives, or its traceback: one that fails, fails on all ranks and keeps the others from nothing."""
    try:
        found: dict[str, torch.Tensor] = run_case(case, ranks, rows=rows, shares=shares, dtype=dtype)
    except Exception:  # noqa: BLE001 - the test of the case shows it
        return traceback.format_exc()
    return found


def main(world: int, rank: int, store: str, out: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{store}", world_size=world, rank=rank)
    ranks = ProcessRanks()
    results: dict[str, object] = {}
    for case in all_cases():
        for split, rows, shares in SPLITS[world]:
            for dtype in (torch.float64, torch.float32):
                key = f"{case}|{split}|{dtype}"
                results[key] = attempt(case, ranks, rows=rows, shares=shares, dtype=dtype)
    if world == 2:
        traffic = Traffic()
        results |= {
            f"{case}|traffic": [traffic.of(case, ranks, rows) for rows in TRAFFIC_ROWS]
            for case in all_cases()
            if case.entry.reduction is not Reduction.GATHER
            and not isinstance(results[f"{case}|even|torch.float64"], str)
        }
    torch.save(results, out)
    dist.destroy_process_group()


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], sys.argv[4])
