"""Several processes that share each batch, and batches in parts, compute what one process computes at once.

`MVIB_ALL_SPECS=1 python -m pytest tests/train/test_sharing.py` takes every bundled spec, in some minutes.
"""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pytest

from mvib.resources import bundled_specs
from mvib.train.engine import start_engine
from mvib.train.processes import Placement
from tests.train.processes import PATIENCE, ROOT, environment
from tests.train.sharing import OWN, curve

# One of each family; what they need differs: queues, copies, tokens, whitening, partial labels, discriminators.
FAMILIES = (
    "simclr",
    "moco_v2",
    "nnclr",
    "byol",
    "wmse",
    "swav",
    "mae",
    "mvib",
    "infovae",
    "m2",
    "vat",
    "voloshynovskiy_learnable",
)
SPECS = (*OWN, *bundled_specs()) if os.environ.get("MVIB_ALL_SPECS") else (*OWN, *FAMILIES)
# Partial data beside critics or learned numbers.
REFUSED = frozenset(("own/partial_pairs", "bince", "mvib", "voloshynovskiy_handcrafted", "voloshynovskiy_learnable"))
# Convolutions, transformers, momentum copies and queues, draws, labels that few have, and one refused.
OF_CI = ("simclr", "moco_v2", "byol", "mae", "infovae", "m2", "mvib")
PARTED = SPECS if os.environ.get("MVIB_ALL_SPECS") else OF_CI
# In float64. The first steps of Adam enlarge what is near zero, and whitening in 128 dimensions by 137 rows the rest.
OF_LOSSES = 1e-7
OF_STATE = 1e-6


def curves_of(size: int, out: Path, names: Sequence[str] = SPECS, *, fsdp: bool = False) -> Any:
    """The curves of specs, by so many processes."""
    several = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(size), "-m"] if size > 1 else []
    command = [sys.executable, "-m", *several, "tests.train.sharing", *(["--fsdp"] if fsdp else []), str(out), *names]
    # With all specs it takes minutes.
    found = subprocess.run(
        command, cwd=ROOT, env=environment(), capture_output=True, text=True, timeout=10 * PATIENCE, check=False
    )
    assert found.returncode == 0, found.stderr
    return json.loads(out.read_text())


@pytest.fixture(scope="module")
def curves(tmp_path_factory: pytest.TempPathFactory) -> tuple[Any, Any]:
    folder = tmp_path_factory.mktemp("curves")
    return curves_of(1, folder / "one.json"), curves_of(2, folder / "two.json")


def assert_alike(found: Mapping[str, Any], expected: Mapping[str, Any]) -> None:
    assert found["losses"] == pytest.approx(expected["losses"], rel=OF_LOSSES, abs=OF_LOSSES)
    for one, other in zip(found["terms"], expected["terms"], strict=True):
        assert one == pytest.approx(other, rel=OF_LOSSES, abs=OF_LOSSES)
    assert found["state"] == pytest.approx(expected["state"], rel=OF_STATE, abs=OF_STATE)


# One worker has the curves of all.
@pytest.mark.xdist_group("sharing")
@pytest.mark.parametrize("name", SPECS)
def test_two_processes_have_the_curve_of_one(name: str, curves: tuple[Any, Any]) -> None:
    one, two = curves
    assert_alike(two[name], one[name])
    # A curve that does not move would show nothing.
    assert len(set(one[name]["losses"])) == len(one[name]["losses"])


@pytest.fixture(scope="module")
def parted(tmp_path_factory: pytest.TempPathFactory) -> Any:
    return curves_of(2, tmp_path_factory.mktemp("parted") / "two.json", PARTED, fsdp=True)


@pytest.mark.xdist_group("sharing")
@pytest.mark.parametrize("name", PARTED)
def test_parted_weights_have_the_curve_of_one_process(name: str, parted: Any, curves: tuple[Any, Any]) -> None:
    if name in REFUSED:
        assert "in one process alone" in parted[name]["refused"]
    else:
        assert_alike(parted[name], curves[0][name])


@pytest.mark.xdist_group("sharing")
@pytest.mark.parametrize("name", [name for name in PARTED if name not in REFUSED])
def test_each_process_keeps_its_part_alone(name: str, parted: Any) -> None:
    found = parted[name]
    shares: dict[str, list[float]] = {}
    for key, value in found["kept"]:
        shares.setdefault(key, []).append(float(value))
    assert shares["whole"] == [0, 0]
    for key in ("weights", "gradients", "optimizer"):
        # The first has the longer part of what does not divide evenly. An optimizer without momentum has no state.
        assert sum(shares[key]) == pytest.approx(1) or (key == "optimizer" and shares[key] == [0, 0])
        assert max(shares[key]) < 0.55
    # Whole tensors of a checkpoint come together in the first alone; a whole model in all at the end.
    assert shares["saved"][0] > 0
    assert shares["saved"][1] == 0
    keys, norms = zip(*found["states"], strict=True)
    assert keys == tuple(found["state"]) * 2
    # The order in memory is another, and so is that in which squares are added up.
    assert [*map(float, norms)] == pytest.approx([*found["state"].values()] * 2, rel=1e-12)


@pytest.mark.parametrize("name", SPECS)
def test_a_batch_in_parts_has_the_gradient_of_the_whole(name: str) -> None:
    engine = start_engine(Placement())
    whole, parts = (curve(engine, name, parts=parts, fixed_statistics=True) for parts in (1, 3))
    assert_alike(parts, whole)
