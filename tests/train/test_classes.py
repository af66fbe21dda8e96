"""A run knows its classes by name: other data have them in another order, some of them, or others."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from mvib.data import DataError
from mvib.evaluate.evaluation import evaluate_model
from mvib.train import FolderError, Run, load_run, train_method
from tests.train.small import BOTTLENECK, analysis_of

NUMBER = 60


def write_table(path: Path, names: dict[int, str], *, number: int = NUMBER) -> str:
    """Rows whose first number tells their class, which has a name; those of a class without one are left out."""
    generator = torch.Generator().manual_seed(3)
    rows = [(5 * (row % 3), *torch.rand(3, generator=generator).tolist()) for row in range(number)]
    lines = [f"{','.join(map(str, row))},{names[row[0] // 5]}" for row in rows if row[0] // 5 in names]
    path.write_text("\n".join(["a,b,c,d,Y", *lines]) + "\n")
    return f"csv:{path},label=Y"


TABLE = (
    BOTTLENECK.replace("data    X: image", "data    X: vector").replace("bernoulli", "gaussian").replace("sgd", "adamw")
)


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Run:
    folder = tmp_path_factory.mktemp("classes")
    data = write_table(folder / "train.csv", {0: "ant", 1: "bee", 2: "cat"})
    analysis = analysis_of(TABLE, {"train.epochs": 100, "train.batch": 16})
    return train_method(analysis, data=data, out=folder / "run")


def accuracy(run: Run) -> float:
    evaluation = evaluate_model(run.model, run.examples.columns, run.examples.labels, probes=("classifier",))
    (result,) = evaluation.results
    assert result.score.accuracy is not None
    return result.score.accuracy


def test_the_folder_has_the_names(run: Run) -> None:
    assert run.folder is not None
    shapes = json.loads((run.folder / "config.json").read_text())["shapes"]
    assert shapes["Y"]["class_names"] == ["ant", "bee", "cat"]
    assert accuracy(run) == 1.0


def test_some_of_the_classes_keep_their_numbers(run: Run, tmp_path: Path) -> None:
    # Alone, they would be the classes 0 and 1.
    some = write_table(tmp_path / "some.csv", {1: "bee", 2: "cat"})
    loaded = load_run(str(run.folder), data=some)
    label = loaded.examples.columns["Y"]
    assert (label.classes, label.class_names) == (3, ("ant", "bee", "cat"))
    assert set(label.test[:].tolist()) == {1, 2}
    assert accuracy(loaded) == 1.0


def test_a_class_that_is_not_known_is_an_error(run: Run, tmp_path: Path) -> None:
    others = write_table(tmp_path / "others.csv", {0: "ant", 1: "emu", 2: "cat"})
    with pytest.raises(
        DataError, match=r"classes of `Y` that the model was not trained on: `emu`; it knows `ant`, `bee`"
    ):
        load_run(str(run.folder), data=others)


def test_other_names_for_the_same_labels_are_other_data(run: Run, tmp_path: Path) -> None:
    saved = json.loads((Path(str(run.folder)) / "config.json").read_text())["fingerprint"]
    renamed = train_method(
        analysis_of(TABLE, {"train.epochs": 1, "train.batch": 16}),
        data=write_table(tmp_path / "other.csv", {0: "ant", 1: "bee", 2: "cow"}),
        out=tmp_path / "run",
    )
    assert json.loads((Path(str(renamed.folder)) / "config.json").read_text())["fingerprint"] != saved


@pytest.mark.parametrize(
    "names", [["ant", "bee"], ["ant", "bee", "bee"], ["ant", "bee", 3], "abc", {"ant": 0}, ["\ud800", "b", "c"]]
)
def test_a_folder_of_a_stranger_may_call_classes_anything(run: Run, tmp_path: Path, names: object) -> None:
    folder = tmp_path / "run"
    shutil.copytree(str(run.folder), folder)
    config = json.loads((folder / "config.json").read_text())
    config["shapes"]["Y"]["class_names"] = names
    config["shapes"]["Bogus"] = config["shapes"]["X"] = {"class_names": ["a", "b"]}
    (folder / "config.json").write_text(json.dumps(config))
    with pytest.raises((FolderError, DataError), match=r"makes no sense|was not trained on"):
        load_run(folder)
