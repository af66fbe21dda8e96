"""Every estimator gives on several processes what it gives on one with the global batch: value and gradient."""

import importlib.util
import os
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from mvib.catalogue.signature import Reduction
from mvib.estimators.ranks import ALONE

HERE = Path(__file__).parent

# Seconds that one of pytest's workers waits for the processes that another has started.
LONGEST_WAIT = 900


def _load(name: str) -> Any:
    """A module beside this one: tests are no package, and the processes import it too."""
    spec = importlib.util.spec_from_file_location(name, HERE / f"{name}.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    spec.loader.exec_module(module)
    return module


cases = _load("cases")
worker = _load("worker")

# Ranks add up in another order. In double precision that is all; in single precision a sum in another order may differ
# by as much as one process differs from double precision, which for whitening is more than a unit in the last place.
TOLERANCE = {torch.float64: 1e-12, torch.float32: 1e-6}
ROUNDINGS = 4

# Beyond this a difference of the precisions is none of rounding: a random draw of another precision is another draw.
LARGEST_ROUNDING = 1e-2


@pytest.fixture(scope="module", params=[2, 4])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[int, list[dict[str, Any]]]:
    """What each of 2 and of 4 gloo processes found."""
    size: int = request.param
    folder = _shared_folder(tmp_path_factory) / f"world{size}"
    try:
        folder.mkdir()
    except FileExistsError:
        _wait_for(folder / "done")
        return size, _results(folder, size)
    command = [sys.executable, str(HERE / "worker.py"), str(size)]
    processes = [
        subprocess.Popen(
            [*command, str(rank), str(folder / "store"), str(folder / f"{rank}.pt")],
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(size)
    ]
    errors = [process.communicate(timeout=600)[1] for process in processes]
    (folder / "done").touch()
    assert all(process.returncode == 0 for process in processes), "\n".join(errors)
    return size, _results(folder, size)


def _results(folder: Path, size: int) -> list[dict[str, Any]]:
    return [torch.load(folder / f"{rank}.pt", weights_only=True) for rank in range(size)]


def _shared_folder(factory: pytest.TempPathFactory) -> Path:
    """A folder of this run of the tests that pytest's own workers share: the processes are started once for all."""
    base = factory.getbasetemp()
    return base.parent if "PYTEST_XDIST_WORKER" in os.environ else base


def _wait_for(file: Path) -> None:
    start = time.monotonic()
    while not file.exists():
        assert time.monotonic() - start < LONGEST_WAIT, "the processes of another worker do not end"
        time.sleep(0.2)


def _difference(found: Tensor, expected: Tensor) -> float:
    """Largest difference, relative to the largest number where that is above one."""
    found, expected = found.double(), expected.double()
    scale = max(1.0, float(expected.abs().max()))
    return float((found - expected).abs().max()) / scale


def _wrong(found: Mapping[str, Tensor], alone: Mapping[str, Tensor], exact: Mapping[str, Tensor]) -> list[str]:
    """What differs from what one process found; `exact` is what it finds in double precision."""
    assert found.keys() == alone.keys()
    wrong = []
    for name, expected in alone.items():
        tolerance = TOLERANCE[alone["losses"].dtype]
        rounding = _difference(expected, exact[name])
        if rounding < LARGEST_ROUNDING:
            tolerance = max(tolerance, ROUNDINGS * rounding)
        difference = _difference(found[name], expected)
        if not difference <= tolerance:
            wrong.append(f"{name} differs by {difference:.1e}, and not by {tolerance:.1e}")
    return wrong


@pytest.mark.parametrize("case", cases.all_cases(), ids=str)
def test_value_and_gradient_are_those_of_one_process(case: Any, world: tuple[int, list[dict[str, Any]]]) -> None:
    size, ranks = world
    wrong = []
    for split, rows, _ in worker.SPLITS[size]:
        exact = cases.run_case(case, ALONE, rows=rows, shares=(1.0,), dtype=torch.float64)
        for dtype in TOLERANCE:
            alone = cases.run_case(case, ALONE, rows=rows, shares=(1.0,), dtype=dtype)
            assert all(bool(torch.isfinite(value.double()).all()) for value in alone.values())
            for rank, results in enumerate(ranks):
                found = results[f"{case}|{split}|{dtype}"]
                assert not isinstance(found, str), found
                differences = _wrong(found, alone, exact)
                wrong += [f"{split}, {dtype}, rank {rank}: {text}" for text in differences]
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("case", cases.all_cases(), ids=str)
def test_traffic_of_sufficient_statistics_does_not_grow_with_the_batch(
    case: Any, world: tuple[int, list[dict[str, Any]]]
) -> None:
    size, ranks = world
    if size != 2 or case.entry.reduction is Reduction.GATHER:
        return
    for results in ranks:
        few, many = results[f"{case}|traffic"]
        assert few == many


def test_some_gradient_is_not_zero() -> None:
    """The comparison would hold of estimators that are cut off from everything."""
    for case in cases.all_cases():
        found = cases.run_case(case, ALONE, rows=24, shares=(1.0,), dtype=torch.float64)
        gradients = [value for name, value in found.items() if name.startswith("gradient")]
        assert any(bool((gradient != 0).any()) for gradient in gradients), str(case)
