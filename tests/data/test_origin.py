"""Which row of the data each example is, and what that row is called, whatever was left out and held out."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mvib.data import Origin, load_source, source_from_object
from mvib.data.origin import PartOrigin
from mvib.data.tabular import FEATURES
from mvib.data.tuning import leave_out_for_tuning
from tests.data.pictures import write_classes, write_picture


def origin_of(text: str) -> Origin:
    found = load_source(text).origin
    assert found is not None
    return found


def names(part: PartOrigin) -> list[str]:
    assert part.name is not None
    return [part.name(row) for row in part.rows.tolist()]


def test_rows_of_arrays_are_those_that_were_given() -> None:
    x = torch.arange(30.0).reshape(30, 1)
    source = source_from_object({"x": x, "label": torch.arange(30) % 2})
    assert source.origin is not None
    for part, values in (
        (source.origin.train, source.columns["x"].train),
        (source.origin.test, source.columns["x"].test),
    ):
        assert part.part == "train"
        assert part.name is None
        assert part.rows.tolist() == values[:].flatten().tolist()
    assert sorted([*source.origin.train.rows, *source.origin.test.rows]) == list(range(30))


def test_a_test_part_has_rows_of_its_own() -> None:
    source = source_from_object({"x_train": torch.zeros(5, 1), "x_test": torch.zeros(3, 1)})
    assert source.origin is not None
    assert (source.origin.train.part, source.origin.train.rows.tolist()) == ("train", [0, 1, 2, 3, 4])
    assert (source.origin.test.part, source.origin.test.rows.tolist()) == ("test", [0, 1, 2])


def test_rows_that_are_left_out_are_counted(tmp_path: Path) -> None:
    lines = [f"{number},{'ab'[number % 2]}" if number != 2 else "no number,a" for number in range(20)]
    (tmp_path / "data.csv").write_text("\n".join(["x,label", *lines]))
    source = load_source(f"csv:{tmp_path / 'data.csv'},label=label,skip=1")
    assert source.origin is not None
    assert 2 not in {*source.origin.train.rows.tolist(), *source.origin.test.rows.tolist()}
    assert source.origin.test.rows.tolist() == source.columns[FEATURES].test[:].flatten().tolist()


@pytest.mark.parametrize("options", ["", ",cache=no"])
def test_pictures_are_known_by_their_path_in_the_folder(tmp_path: Path, options: str) -> None:
    write_classes(tmp_path / "pets", number=6)
    (tmp_path / "pets" / "cat" / "02.png").write_bytes(b"junk")
    found = origin_of(f"folder:{tmp_path / 'pets'},skip=1{options}")
    both = [*names(found.train), *names(found.test)]
    assert sorted(both) == [
        f"{kind}/{n:02}.png" for kind in ("cat", "dog") for n in range(6) if (kind, n) != ("cat", 2)
    ]
    source = load_source(f"folder:{tmp_path / 'pets'},skip=1{options}")
    for part, rows in ((found.train, source.columns["image"].train), (found.test, source.columns["image"].test)):
        for name, image in zip(names(part), rows[:], strict=True):
            stored = np.asarray(Image.open(tmp_path / "pets" / name)).transpose(2, 0, 1)
            assert np.array_equal((image * 255).round().byte().numpy(), stored)


def test_parts_of_a_folder_and_links_in_it(tmp_path: Path) -> None:
    for part in ("train", "test"):
        write_classes(tmp_path / "pets" / part, number=2)
    os.link(tmp_path / "pets" / "train" / "cat" / "00.png", tmp_path / "pets" / "train" / "cat" / "hard.png")
    (tmp_path / "pets" / "train" / "dog" / "soft.png").symlink_to(tmp_path / "pets" / "train" / "cat" / "01.png")
    found = origin_of(f"folder:{tmp_path / 'pets'}")
    assert names(found.test) == ["test/cat/00.png", "test/cat/01.png", "test/dog/00.png", "test/dog/01.png"]
    assert found.test.part == "test"
    assert names(found.train)[-1] == "train/cat/01.png"
    assert "train/cat/hard.png" in names(found.train)


def test_joined_data_have_the_names_of_those_that_have_names(tmp_path: Path) -> None:
    write_classes(tmp_path / "pets", number=3)
    np.save(tmp_path / "more.npy", np.arange(12.0).reshape(6, 2))
    found = origin_of(f"more=npy:{tmp_path / 'more.npy'},X=folder:{tmp_path / 'pets'}")
    assert {*names(found.train), *names(found.test)} == {f"{k}/{n:02}.png" for k in ("cat", "dog") for n in range(3)}


def test_rows_that_are_left_out_for_tuning_are_theirs() -> None:
    source = source_from_object({"x": torch.arange(60.0).reshape(60, 1), "label": torch.arange(60) % 2})
    for found in leave_out_for_tuning(source, share=0.25, seed=0):
        assert found.origin is not None
        column = found.columns["x"]
        assert found.origin.train.rows.tolist() == column.train[:].flatten().tolist()
        assert found.origin.test.rows.tolist() == column.test[:].flatten().tolist()


def test_digits_say_their_rows() -> None:
    found = origin_of("digits")
    assert sorted([*found.train.rows.tolist(), *found.test.rows.tolist()]) == list(range(1797))


@pytest.mark.parametrize("options", ["", ",cache=no"])
def test_pictures_say_how_they_are_prepared(tmp_path: Path, options: str) -> None:
    for number in range(4):
        for kind in ("a", "b"):
            write_picture(tmp_path / "colour" / kind / f"{number}.png", number, height=10, width=12)
            write_picture(tmp_path / "grey" / kind / f"{number}.png", number, channels=1)
    cut = load_source(f"folder:{tmp_path / 'colour'},size=8{options}").columns["image"].train
    whole = load_source(f"folder:{tmp_path / 'grey'}{options}").columns["image"].test
    assert not isinstance(cut, torch.Tensor)
    assert not isinstance(whole, torch.Tensor)
    scaled = "scaled (bilinear) until it just covers 8x8 pixels, and the middle of that size cut out"
    assert cut.preparation == f"RGB, {scaled}, bytes divided by 255"
    assert whole.preparation == "grey, 8x8 pixels, bytes divided by 255"
    assert whole.flatten(1).preparation.endswith("bytes divided by 255; as one row")
