"""Folders of pictures: classes, parts, sizes, what is kept in memory and what is decoded on request."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor

from mvib.data import ColumnKind, DataError, DataSource, StoredRows, bind_columns, load_source
from tests.data.pictures import pixels, write_classes, write_picture


def image(source: DataSource) -> Tensor:
    return torch.cat((source.columns["image"].train[:], source.columns["image"].test[:]))


def test_folders_are_the_labels_and_a_fifth_is_held_out(tmp_path: Path) -> None:
    source = load_source(f"folder:{write_classes(tmp_path, number=10)}")
    pictures, labels = source.columns["image"], source.columns["label"]
    assert (pictures.kind, pictures.shape) == (ColumnKind.IMAGE, (3, 8, 8))
    assert (source.num_train, source.num_test) == (16, 4)
    assert labels.classes == 2
    assert torch.bincount(labels.test[:]).tolist() == [2, 2]
    # Each picture has the label of its folder: cats were made of the seeds below 100.
    expected = {pixels(seed)[0, 0].tobytes(): int(seed >= 100) for seed in [*range(10), *range(100, 110)]}
    for part, its_labels in ((pictures.train, labels.train), (pictures.test, labels.test)):
        corners = (part[:][:, :, 0, 0] * 255).round().to(torch.uint8).numpy()
        assert [expected[corner.tobytes()] for corner in corners] == its_labels[:].tolist()


@pytest.mark.parametrize("held_out", ["test", "val", "validation"])
def test_train_and_test_folders_are_the_parts(tmp_path: Path, held_out: str) -> None:
    write_classes(tmp_path / "train", number=3)
    write_classes(tmp_path / held_out, number=2)
    write_classes(tmp_path / "more", number=1)
    source = load_source(f"folder:{tmp_path}")
    assert (source.num_train, source.num_test) == (6, 4)
    assert source.columns["label"].test[:].tolist() == [0, 0, 1, 1]
    assert "not more" in source.notes[0]


def test_the_test_part_may_be_named(tmp_path: Path) -> None:
    for part, number in (("train", 3), ("test", 2), ("val", 1)):
        write_classes(tmp_path / part, number=number)
    assert load_source(f"folder:{tmp_path},held_out=val").num_test == 2
    with pytest.raises(DataError, match="has no folder `other`"):
        load_source(f"folder:{tmp_path},held_out=other")


def test_pictures_without_class_folders_have_no_labels(tmp_path: Path) -> None:
    for seed in range(5):
        write_picture(tmp_path / f"{seed}.jpg", seed)
    source = load_source(f"folder:{tmp_path}")
    assert set(source.columns) == {"image"}
    assert "no labels" in source.notes[0]


@pytest.mark.parametrize("cache", ["yes", "no"])
def test_grey_pictures_have_one_channel(tmp_path: Path, cache: str) -> None:
    source = load_source(f"folder:{write_classes(tmp_path, channels=1)},cache={cache}")
    assert source.columns["image"].shape == (1, 8, 8)


def test_decoded_on_request_and_kept_in_memory_are_the_same(tmp_path: Path) -> None:
    write_classes(tmp_path, number=8)
    kept, lazy = (load_source(f"folder:{tmp_path},cache={cache}") for cache in ("yes", "no"))
    assert torch.equal(image(kept), image(lazy))
    rows = lazy.columns["image"].train
    assert isinstance(rows, StoredRows)
    assert rows.is_slow
    places = torch.tensor([5, 0, 5])
    assert torch.equal(rows[places], rows[:][places])
    assert rows.shape == (12, 3, 8, 8)


def test_a_size_scales_the_shorter_side_and_cuts_out_the_middle(tmp_path: Path) -> None:
    # White in the middle and a little beyond its square, over which the filter reaches; black at both ends.
    stripe = np.zeros((10, 30, 3), np.uint8)
    stripe[:, 8:22] = 255
    for place in range(4):
        (tmp_path / str(place % 2)).mkdir(exist_ok=True)
        Image.fromarray(stripe).save(tmp_path / str(place % 2) / f"{place}.png")
    write_picture(tmp_path / "1" / "tall.png", height=40, width=5)
    with pytest.raises(DataError, match=r"differ in size: 4 of 30x10, 1 of 5x40; .*tall\.png.*`--image-size 10`"):
        load_source(f"folder:{tmp_path}")
    for cache in ("yes", "no"):
        source = load_source(f"folder:{tmp_path},size=6,cache={cache}")
        assert source.columns["image"].shape == (3, 6, 6)
        stripes = [picture for picture in image(source) if bool((picture == 1).all())]
        assert len(stripes) == 4


def test_a_jpeg_is_scaled_to_what_pil_makes_of_it(tmp_path: Path) -> None:
    """Draft decoding may differ from decoding in full by a little, not by a shift or a turn."""
    smooth = np.asarray(Image.fromarray(pixels(1)).resize((160, 120), Image.Resampling.BICUBIC))
    for place in range(4):
        (tmp_path / str(place % 2)).mkdir(exist_ok=True)
        Image.fromarray(smooth).save(tmp_path / str(place % 2) / f"{place}.jpg", quality=95)
    found = load_source(f"folder:{tmp_path},size=30").columns["image"].train[:][0]
    middle = Image.fromarray(smooth[:, 20:140]).resize((30, 30), Image.Resampling.BILINEAR)
    expected = torch.from_numpy(np.asarray(middle).copy()).permute(2, 0, 1) / 255
    assert float((found - expected).abs().mean()) < 0.02


def test_16_bits_are_scaled_and_not_clipped(tmp_path: Path) -> None:
    for place, value in enumerate((0, 32896, 65535, 257)):
        path = tmp_path / str(place % 2) / f"{place}.png"
        path.parent.mkdir(exist_ok=True)
        Image.fromarray(np.full((4, 4), value, np.uint16)).save(path)
    values = sorted(image(load_source(f"folder:{tmp_path}"))[:, 0, 0, 0].mul(255).round().int().tolist())
    assert values == [0, 1, 128, 255]


def test_a_vector_takes_the_pixels(tmp_path: Path) -> None:
    source = load_source(f"folder:{write_classes(tmp_path)},cache=no")
    column = bind_columns(source, [("X", "vector", False)])["X"]
    assert column.shape == (192,)
    assert torch.equal(column.test[:], source.columns["image"].test[:].flatten(start_dim=1))


def test_test_classes_that_are_not_trained_on_are_an_error(tmp_path: Path) -> None:
    write_classes(tmp_path / "train")
    write_classes(tmp_path / "test", classes=("cat", "emu"))
    with pytest.raises(DataError, match="no training example has: emu"):
        load_source(f"folder:{tmp_path}")


def test_other_files_are_mentioned(tmp_path: Path) -> None:
    write_classes(tmp_path)
    (tmp_path / "cat" / "notes.txt").write_text("a cat")
    (tmp_path / "cat" / ".hidden").write_text("")
    (note,) = load_source(f"folder:{tmp_path}").notes
    assert "1 file is left out" in note
    assert "notes.txt" in note


def test_a_folder_without_pictures_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no pictures in"):
        load_source(f"folder:{tmp_path}")
    with pytest.raises(DataError, match="does not exist; check the path after `folder:`"):
        load_source(f"folder:{tmp_path / 'none'}")
    with pytest.raises(DataError, match=f"write `folder:{tmp_path}` for a folder"):
        load_source(str(tmp_path))


@pytest.mark.parametrize(("train", "test"), [("Train", "Test"), ("TRAIN", "Val"), ("training", "testing")])
def test_parts_may_be_written_otherwise(tmp_path: Path, train: str, test: str) -> None:
    write_classes(tmp_path / train, number=3)
    write_classes(tmp_path / test, number=2)
    source = load_source(f"folder:{tmp_path}")
    assert (source.num_train, source.num_test) == (6, 4)
    assert source.columns["label"].class_names == ("cat", "dog")


def test_folders_that_may_be_parts_or_classes_are_asked_about(tmp_path: Path) -> None:
    vehicles = write_classes(tmp_path / "vehicles", number=5, classes=("bus", "car", "train"))
    with pytest.raises(DataError, match=r"may be parts or classes: bus, car, train; .*parts=no"):
        load_source(f"folder:{vehicles}")
    assert load_source(f"folder:{vehicles},parts=no").columns["label"].class_names == ("bus", "car", "train")
    halves = write_classes(tmp_path / "halves", classes=("cat", "dog", "Test"))
    with pytest.raises(DataError, match="may be parts or classes"):
        load_source(f"folder:{halves}")
    with pytest.raises(DataError, match="has no folders `train`"):
        load_source(f"folder:{halves},parts=yes")
    # One folder `train` and nothing beside it is a part of which some is held out.
    write_classes(tmp_path / "alone" / "train", number=5)
    assert load_source(f"folder:{tmp_path / 'alone'}").columns["label"].class_names == ("cat", "dog")


@pytest.mark.parametrize(("dtype", "message"), [(np.float32, "floating-point"), (np.int32, "32-bit")])
def test_pictures_of_numbers_without_a_range_are_not_black(tmp_path: Path, dtype: type, message: str) -> None:
    root = write_classes(tmp_path / "photos")
    Image.fromarray(np.full((8, 8), 0.5 if dtype is np.float32 else 70_000, dtype)).save(root / "cat" / "x.tif")
    with pytest.raises(DataError, match=f"x.tif` holds {message}"):
        load_source(f"folder:{root}")


def test_a_class_of_bad_pictures_alone_is_none(tmp_path: Path) -> None:
    root = write_classes(tmp_path / "photos", classes=("cat", "dog", "eel"), number=5)
    for path in (root / "cat").iterdir():
        path.write_bytes(b"")
    source = load_source(f"folder:{root},skip=5")
    assert source.columns["label"].class_names == ("dog", "eel")
    assert source.columns["label"].classes == 2


@pytest.mark.parametrize("cache", ["yes", "no"])
def test_pictures_that_are_left_out_shift_no_rows_of_other_data(tmp_path: Path, cache: str) -> None:
    for side, wrong in (("left", 3), ("right", 15)):
        for n in range(20):
            write_picture(tmp_path / side / f"{n:02}.png", n)
        (tmp_path / side / f"{wrong:02}.png").unlink()
        (tmp_path / side / f"{wrong:02}.png").symlink_to("/nowhere")
    options = f"skip=1,cache={cache}"
    with pytest.raises(DataError, match=r"2 items .*03.png` is a link that leads nowhere"):
        load_source(f"A=folder:{tmp_path / 'left'},{options},B=folder:{tmp_path / 'right'},{options}")
    options = f"skip=2,cache={cache}"
    source = load_source(f"A=folder:{tmp_path / 'left'},{options},B=folder:{tmp_path / 'right'},{options}")
    assert source.num_train + source.num_test == 18
    for part in ("train", "test"):
        left, right = (getattr(source.columns[name], part)[:] for name in ("A", "B"))
        assert torch.equal(left, right)
    (tmp_path / "left" / "more").symlink_to(tmp_path / "right")
    with pytest.raises(DataError, match="which rows of the other data belong to what is behind it is not known"):
        load_source(f"A=folder:{tmp_path / 'left'},skip=9,B=folder:{tmp_path / 'right'},skip=9")


def test_a_part_that_is_a_link_is_not_passed_over(tmp_path: Path) -> None:
    write_classes(tmp_path / "elsewhere", number=2)
    write_classes(tmp_path / "photos" / "train", number=5)
    (tmp_path / "photos" / "val").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(DataError, match="val` is a link to a folder, and is not followed"):
        load_source(f"folder:{tmp_path / 'photos'}")
