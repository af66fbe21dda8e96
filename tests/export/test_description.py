"""What an export says of itself: what goes in, what comes out, and what each row is of."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from mvib.export import export_run, load_encoder
from mvib.train import load_run, train_method
from tests.data.pictures import write_classes, write_picture
from tests.train.small import BOTTLENECK, CONTRASTIVE, analysis_of, arrays

ONE: dict[str, str | float] = {"train.epochs": 1}


def described(folder: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((folder / "encoder.json").read_text())
    return found


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text().splitlines()]


def test_arrays_say_their_range_and_shape(tmp_path: Path) -> None:
    data = arrays()
    run = train_method(analysis_of(CONTRASTIVE, ONE), data=data)
    export_run(run, tmp_path, formats=("safetensors",))
    found = described(tmp_path)
    (given,) = found["inputs"]
    seen = given.pop("seen")
    assert given == {
        "name": "X",
        "kind": "image",
        "shape": [1, 4, 4],
        "axes": ["channels", "height", "width"],
        "type": "float32",
        "about": "array `image`",
        "preparation": "",
        "normalisation": "none: no mean is subtracted, and nothing is divided by a deviation",
    }
    train = run.examples.columns["X"].train[:]
    assert seen["examples"] == len(train)
    for name, value in (("least", train.min()), ("greatest", train.max()), ("mean", train.mean())):
        assert seen[name] == pytest.approx(float(value), rel=1e-4)
    assert seen["deviation"] == pytest.approx(float(train.std(correction=0)), rel=1e-4)
    shape = list(run.model.encode(train[:1]).shape[1:])
    assert found["representation"] == {
        "width": int(np.prod(shape)),
        "type": "float32",
        "about": "of the example itself: random views are the identity, networks are in evaluation mode",
        "variables": [
            {
                "name": "R[1]",
                "columns": [0, int(np.prod(shape))],
                "shape": shape,
                "is": "what a deterministic encoder gives",
            }
        ],
    }
    assert found["examples"]["labels"] == {"label": {"classes": 3, "names": ["0", "1", "2"]}}
    assert (found["examples"]["train"], found["examples"]["test"]) == (64, 16)


def test_bytes_say_that_they_are_divided(tmp_path: Path) -> None:
    data = arrays()
    run = train_method(
        analysis_of(CONTRASTIVE, ONE), data={**data, "image": (255 * data["image"].clamp(0, 1)).to(torch.uint8)}
    )
    export_run(run, tmp_path, formats=("safetensors",))
    assert described(tmp_path)["inputs"][0]["about"] == "array `image`, bytes divided by 255"
    assert described(tmp_path)["examples"]["trained_on"]


def test_other_data_are_said_to_be(tmp_path: Path) -> None:
    train_method(analysis_of(CONTRASTIVE, ONE), data=arrays(), out=tmp_path / "run")
    for number, is_same in ((80, True), (60, False)):
        run = load_run(tmp_path / "run", data=arrays(number=number))
        export_run(run, tmp_path / str(number), formats=("safetensors",))
        assert described(tmp_path / str(number))["examples"]["trained_on"] is is_same


def test_the_mean_of_a_stochastic_encoder_is_said_to_be_one(tmp_path: Path) -> None:
    export_run(train_method(analysis_of(BOTTLENECK, ONE), data=arrays()), tmp_path, formats=("npy",))
    assert [v["is"] for v in described(tmp_path)["representation"]["variables"]] == ["the mean of a stochastic encoder"]


def test_pictures_say_how_they_are_prepared_and_which_they_are(tmp_path: Path) -> None:
    for part, number in (("train", 10), ("test", 3)):
        write_classes(tmp_path / "pets" / part, number=number)
    write_picture(tmp_path / "pets" / "test" / "cat" / "wide.png", 9, height=9, width=14)
    (tmp_path / "pets" / "train" / "cat" / "04.png").write_bytes(b"junk")
    data = f"folder:{tmp_path / 'pets'},size=8,skip=1"
    train_method(analysis_of(CONTRASTIVE, ONE), data=data, out=tmp_path / "run")
    run = load_run(tmp_path / "run")
    place = export_run(run, formats=("safetensors", "npy")).folder
    (given,) = described(place)["inputs"]
    assert given["preparation"].startswith("RGB, scaled (bilinear) until it just covers 8x8 pixels, and the middle")
    assert (given["about"], given["shape"]) == ("pictures of a folder, in [0, 1]", [3, 8, 8])
    assert 0 <= given["seen"]["least"] < given["seen"]["greatest"] <= 1
    assert described(place)["examples"]["labels"] == {"label": {"classes": 2, "names": ["cat", "dog"]}}
    test = lines(place / "rows-test.jsonl")
    assert test[3] == {
        "row": 3,
        "data_part": "test",
        "data_row": 3,
        "name": "test/cat/wide.png",
        "labels": {"label": 0},
    }
    train = lines(place / "rows-train.jsonl")
    assert len(train) == 19
    # One was left out, and counts.
    assert train[4] == {
        "row": 4,
        "data_part": "train",
        "data_row": 5,
        "name": "train/cat/05.png",
        "labels": {"label": 0},
    }
    rows, encode = np.load(place / "representation-test.npy"), load_encoder(place)
    column = run.examples.columns["X"].test
    np.testing.assert_allclose(rows[3], encode(column[torch.tensor([3])]).numpy()[0], atol=1e-5)


def test_rows_that_were_held_out_are_found_in_the_arrays(tmp_path: Path) -> None:
    data = arrays()
    data["label"][5] = -1
    run = train_method(analysis_of(CONTRASTIVE, ONE), data=data)
    export_run(run, tmp_path, formats=("npy",))
    found = set()
    for part in ("train", "test"):
        rows = np.load(tmp_path / f"representation-{part}.npy")
        for line, row in zip(lines(tmp_path / f"rows-{part}.jsonl"), rows, strict=True):
            assert (line["data_part"], "name" in line) == ("train", False)
            place = line["data_row"]
            expected = run.encode(data["image"][place : place + 1]).flatten()
            np.testing.assert_allclose(row, expected.numpy(), atol=1e-5)
            assert line["labels"] == {"label": None if place == 5 else place % 3}
            found.add(place)
    assert found == set(range(80))


def test_names_that_are_no_text_are_kept(tmp_path: Path) -> None:
    for kind in (b"a", b"b\xff"):
        for number in range(5):
            write_picture(tmp_path / "pets" / kind.decode(errors="surrogateescape") / f"={number}.png", number)
    run = train_method(analysis_of(CONTRASTIVE, ONE | {"train.batch": 4}), data=f"folder:{tmp_path / 'pets'}")
    export_run(run, tmp_path / "out", formats=("npy",))
    names = {line["name"] for part in ("train", "test") for line in lines(tmp_path / "out" / f"rows-{part}.jsonl")}
    assert names == {f"{kind}/={number}.png" for kind in ("a", "b\udcff") for number in range(5)}
