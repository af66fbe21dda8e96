"""Items that cannot be used: each is named and counted, none is followed, unpickled or passed over in silence."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mvib.data import BatchLoader, DataError, Loading, StoredRows, load_source, training_part
from mvib.data.bad_items import BadItem, BadItems
from mvib.data.batches import fixed_order
from tests.data.pictures import write_classes, write_picture

CPU = torch.device("cpu")


def truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-40])


def test_the_limit_is_held_and_the_items_are_named() -> None:
    bad = BadItems(2)
    for name in "abb":
        bad.add(BadItem(name, "is empty"))
    bad.check()
    assert len(bad) == 2
    assert [item.name for item in bad.take_new()] == ["a", "b"]
    bad.add(BadItem("c", "is empty"))
    assert [item.name for item in bad.take_new()] == ["c"]
    with pytest.raises(DataError, match=r"3 items .* 2 may be left out: `a` is empty; .*`c`.*`--skip-bad 3`"):
        bad.check()


def empty(path: Path) -> None:
    path.write_bytes(b"")


def words(path: Path) -> None:
    path.write_text("not a picture")


def postscript(path: Path) -> None:
    path.write_text("%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 8 8\nshowpage\n")


def other_size(path: Path) -> None:
    write_picture(path, height=9)


def looped(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.name)


def leading_out(path: Path) -> None:
    outside = path.parents[2] / "outside.png"
    path.rename(outside)
    path.symlink_to(outside)


def pipe(path: Path) -> None:
    path.unlink()
    os.mkfifo(path)


def link_to_a_folder(path: Path) -> None:
    path.unlink()
    path.symlink_to(path.parent)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (empty, "is empty"),
        (truncate, "is damaged"),
        (words, "no picture in a format that is read"),
        (postscript, "no picture in a format that is read"),
        (other_size, "has 8x9 pixels, and the others have 8x8|differ in size"),
        (looped, "a link that leads nowhere"),
        (leading_out, "a link that leads out of the folder"),
        (link_to_a_folder, "a link to a folder"),
        (pipe, "is not a file"),
    ],
    ids=lambda value: getattr(value, "__name__", ""),
)
def test_a_bad_picture_is_an_error_or_is_left_out(tmp_path: Path, spoil: object, why: str) -> None:
    root = write_classes(tmp_path / "data", number=10)
    wrong = root / "cat" / "03.png"
    assert callable(spoil)
    spoil(wrong)
    with pytest.raises(DataError, match=rf"(?s)03\.png.*({why})|({why}).*03\.png"):
        load_source(f"folder:{root}")
    source = load_source(f"folder:{root},skip=1")
    assert [item.name for item in source.bad] == [str(wrong)]
    assert source.num_train + source.num_test == 19
    with pytest.raises(DataError):
        load_source(f"folder:{root},skip=0")


def test_a_link_inside_the_folder_is_followed(tmp_path: Path) -> None:
    root = write_classes(tmp_path)
    (root / "cat" / "again.png").symlink_to(root / "cat" / "00.png")
    source = load_source(f"folder:{root}")
    assert source.num_train + source.num_test == 13


def test_a_picture_outside_the_class_folders_has_no_label(tmp_path: Path) -> None:
    root = write_classes(tmp_path)
    write_picture(root / "stray.png")
    with pytest.raises(DataError, match=r"stray\.png` lies in no class folder"):
        load_source(f"folder:{root}")
    source = load_source(f"folder:{root},skip=1")
    assert source.num_train + source.num_test == 12


def test_too_many_pixels_are_an_error_and_not_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    root = write_classes(tmp_path)
    # PIL warns above the limit and refuses above twice the limit.
    for limit in (60, 20):
        monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", limit)
        with pytest.raises(DataError, match=f"has more than {limit} pixels"):
            load_source(f"folder:{root}")


@pytest.mark.parametrize("workers", [0, 2])
def test_one_that_turns_out_bad_is_stood_in_for_by_its_class(tmp_path: Path, workers: int) -> None:
    root = write_classes(tmp_path, number=10)
    before = load_source(f"folder:{root},cache=no,skip=1")
    rows, labels = before.columns["image"].train, before.columns["label"].train
    expected = rows[:]
    wrong = root / "cat" / "03.png"
    truncate(wrong)
    source = load_source(f"folder:{root},cache=no,skip=1")
    loader = BatchLoader(training_part(source.columns), device=CPU, bad=source.bad, loading=Loading(workers=workers))
    batches = list(loader.in_fixed_order(size=4))
    places = fixed_order(loader.num_rows).argsort()
    found, its_labels = (torch.cat([batch[name] for batch in batches])[places] for name in ("image", "label"))
    changed = [row for row in range(len(found)) if not torch.equal(found[row], expected[row])]
    assert torch.equal(its_labels, labels[:])
    # The file is in the training part or in the held-out one; in the former its row holds another cat.
    for row in changed:
        assert labels[:][row] == 0
        assert any(torch.equal(found[row], other) for other in expected[labels[:] == 0])
    assert [item.name for item in source.bad] == ([str(wrong)] if changed else [])
    assert len(changed) == 1


@pytest.mark.parametrize("workers", [0, 2])
def test_more_bad_ones_than_may_be_left_out_stop_the_reading(tmp_path: Path, workers: int) -> None:
    root = write_classes(tmp_path, number=10)
    source = load_source(f"folder:{root},cache=no")
    for path in (root / "dog").iterdir():
        truncate(path)
    loader = BatchLoader(training_part(source.columns), device=CPU, bad=source.bad, loading=Loading(workers=workers))
    with pytest.raises(DataError, match=r"(?s)0 may be left out|can no longer be read"):
        list(loader.in_fixed_order(size=20))


def test_files_that_vanish_are_bad_too(tmp_path: Path) -> None:
    root = write_classes(tmp_path, number=4)
    source = load_source(f"folder:{root},cache=no,skip=8")
    for path in root.rglob("*.png"):
        path.unlink()
    rows = source.columns["image"].train
    assert isinstance(rows, StoredRows)
    with pytest.raises(DataError, match="can no longer be read, and nothing can stand in"):
        rows[:]


def test_a_bad_picture_takes_the_other_columns_of_its_row_along(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "data", number=10)
    np.save(tmp_path / "t.npy", np.arange(20, dtype=np.float32)[:, None])
    empty(root / "cat" / "03.png")
    for cache in ("yes", "no"):
        source = load_source(f"X=folder:{root},skip=1,cache={cache},T=npy:{tmp_path / 't.npy'}")
        values = torch.cat((source.columns["T"].train[:], source.columns["T"].test[:]))[:, 0]
        assert sorted(values.tolist()) == [value for value in range(20) if value != 3]
        labels = torch.cat((source.columns["label"].train[:], source.columns["label"].test[:]))
        assert torch.equal(labels, (values >= 10).long())
