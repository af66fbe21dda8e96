"""`mvib eval` on runs in folders: the data they were trained on, and others."""

import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner, Result
from PIL import Image

from mvib.cli.eval import command
from mvib.cli.export import command as export_command
from mvib.train import FolderError, load_run, train_method
from tests.train.processes import PATIENCE, environment
from tests.train.small import CONTRASTIVE, analysis_of, arrays

SETTINGS: dict[str, str | float] = {"train.epochs": 1}


def write_data(path: Path, *, shift: float = 0.0) -> str:
    """The small arrays as a file; shifted images keep their labels."""
    np.savez(path, image=arrays()["image"].numpy() + np.float32(shift), label=arrays()["label"].numpy())
    return f"npz:{path}"


def trained(folder: Path, data: str, *, seed: int = 0) -> str:
    train_method(analysis_of(CONTRASTIVE, {**SETTINGS, "train.seed": seed}), data=data, out=folder)
    return str(folder)


def by_processes(number: int, *arguments: str, cwd: Path) -> "subprocess.CompletedProcess[str]":
    """`mvib eval` by one process, or by several as `torchrun` starts them."""
    several = ["torch.distributed.run", "--standalone", "--nproc-per-node", str(number), "-m"]
    command = [sys.executable, "-m", *(several if number > 1 else []), "mvib", "eval", *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment(), capture_output=True, text=True, timeout=PATIENCE, check=False
    )


def evaluate(*arguments: str) -> Result:
    return CliRunner().invoke(command, list(arguments))


@pytest.fixture
def run(tmp_path: Path) -> str:
    return trained(tmp_path / "run", write_data(tmp_path / "data.npz"))


def test_a_run_is_not_measured_by_data_that_changed_under_it(run: str, tmp_path: Path) -> None:
    assert evaluate(run).exit_code == 0
    write_data(tmp_path / "data.npz", shift=0.5)
    refused = evaluate(run)
    assert refused.exit_code == 2
    assert refused.stderr == (
        f"error: the data `npz:{tmp_path}/data.npz` have changed since the run in `{run}` was trained on them; "
        f"bring them back, or take them as they are now: `--data npz:{tmp_path}/data.npz`\n"
    )
    with pytest.raises(FolderError, match="have changed since"):
        load_run(run)
    exported = CliRunner().invoke(export_command, [run])
    assert (exported.exit_code, "have changed since" in exported.stderr) == (2, True)
    assert not (Path(run) / "export").exists()


def test_other_data_that_are_asked_for_are_said_to_be_others(run: str, tmp_path: Path) -> None:
    note = "the data are not those that the run was trained on"
    same, other = write_data(tmp_path / "same.npz"), write_data(tmp_path / "other.npz", shift=0.5)
    assert note not in evaluate(run, "--data", same).output
    found = evaluate(run, "--data", other)
    assert found.exit_code == 0, found.output
    assert f"note: {note}" in found.output
    (said,) = json.loads(evaluate(run, "--data", other, "--format", "json").output)["notes"]
    assert said.startswith(note)
    exported = CliRunner().invoke(export_command, [run, "--data", other, "--format", "npy"])
    assert f"note: {note}" in exported.output


def test_runs_on_other_examples_are_not_compared_though_their_labels_agree(run: str, tmp_path: Path) -> None:
    other = trained(tmp_path / "other", write_data(tmp_path / "other.npz", shift=0.5))
    apart = evaluate(run, other, "--probe", "cka")
    assert apart.exit_code == 2
    assert f"those of `{run}` and `{other}` differ in `image`; give both the same data: `--data`" in apart.stderr
    together = evaluate(run, other, "--probe", "cka", "--data", f"npz:{tmp_path}/data.npz")
    assert together.exit_code == 0, together.output
    # Another file with the same examples is the same data.
    again = trained(tmp_path / "again", write_data(tmp_path / "again.npz"), seed=1)
    assert evaluate(run, again, "--probe", "cka").exit_code == 0


def test_runs_without_a_column_in_common_are_not_compared(run: str, tmp_path: Path) -> None:
    np.savez(tmp_path / "named.npz", picture=arrays()["image"].numpy(), label=arrays()["label"].numpy())
    other = trained(tmp_path / "other", f"npz:{tmp_path}/named.npz")
    apart = evaluate(run, other, "--probe", "cka")
    assert (apart.exit_code, "have no column in common that would show it" in apart.stderr) == (2, True)


@pytest.mark.xdist_group("devices")
def test_several_processes_print_the_numbers_of_one_once(tmp_path: Path) -> None:
    # Three batches and a rest in the training part, and fewer in the other: no number of processes shares them evenly.
    # Some cannot be read, by whichever process.
    images = (arrays(number=2000)["image"][:, 0] * 255).clamp(0, 255).byte().numpy()
    for place, image in enumerate(images):
        path = tmp_path / "pictures" / str(place % 3) / f"{place:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(image).save(path)
        if place % 400 == 7:
            path.write_bytes(path.read_bytes()[:50])
    data = f"folder:{tmp_path}/pictures,cache=no,skip=5"
    folders = [trained(tmp_path / f"run{seed}", data, seed=seed) for seed in (0, 1)]
    options = ("--probe", "knn,few-10,lidar,cka", "--format", "json")
    one, two = (by_processes(number, *folders, *options, cwd=tmp_path) for number in (1, 2))
    assert one.returncode == 0, one.stderr
    assert two.returncode == 0, two.stderr
    assert two.stdout == one.stdout
    notes = [run["notes"] for run in json.loads(one.stdout)["runs"]]
    assert notes == [["5 examples of the data cannot be read, and are left out"]] * 2
    refused = by_processes(2, folders[0], "--data", data.replace("skip=5", "skip=4"), cwd=tmp_path)
    assert refused.returncode != 0
    assert refused.stderr.count("5 items of the data cannot be used, and 4 may be left out") == 1
    refused = by_processes(2, folders[0], "--probe", "knnn", cwd=tmp_path)
    assert refused.returncode != 0
    assert refused.stderr.count("there is no probe `knnn`") == 1
