"""Data sources: the digits, files, arrays, and which examples are held out."""

import os
from pathlib import Path

import numpy as np
import pytest
import torch

from mvib.data import ColumnKind, DataError, DataSource, load_source, source_from_arrays
from mvib.data.split import split_indices


@pytest.fixture(scope="module")
def digits() -> DataSource:
    return load_source("digits")


def write(path: Path, **arrays: object) -> str:
    np.savez(path, allow_pickle=True, **{name: np.asarray(array) for name, array in arrays.items()})
    return f"npz:{path}"


def test_digits_are_small_images_in_the_unit_interval_with_their_labels(digits: DataSource) -> None:
    image, label = digits.columns["image"], digits.columns["label"]
    assert (image.kind, label.kind) == (ColumnKind.IMAGE, ColumnKind.LABEL)
    assert (digits.num_train, digits.num_test) == (1437, 360)
    assert image.shape == (1, 8, 8)
    assert image.train.dtype == torch.float32
    assert (image.train[:].min().item(), image.train[:].max().item()) == (0.0, 1.0)
    assert label.train.dtype == torch.int64
    assert label.classes == 10


def test_the_split_of_the_digits_is_fixed_and_stratified(digits: DataSource) -> None:
    again = load_source("digits")
    assert torch.equal(digits.columns["image"].train[:], again.columns["image"].train[:])
    # The first held-out labels: a change of the split would make old figures incomparable.
    assert digits.columns["label"].test[:10].tolist() == [7, 6, 3, 7, 7, 3, 2, 8, 9, 3]
    train, test = (torch.bincount(part) for part in (digits.columns["label"].train[:], digits.columns["label"].test[:]))
    assert (test - (train + test) / 5).abs().max() < 1.0


@pytest.mark.parametrize("labels", [None, np.repeat(np.arange(7), 10), np.array([0] * 60 + [1] * 9 + [2])])
def test_a_split_is_disjoint_and_complete(labels: np.ndarray | None) -> None:
    train, test = split_indices(70, labels)
    assert sorted([*train, *test]) == list(range(70))
    assert len(test) == 14


def test_the_halves_join_to_the_digit(digits: DataSource) -> None:
    halves = load_source("digits-halves").columns
    joined = torch.cat((halves["left"].test[:], halves["right"].test[:]), dim=-1)
    assert halves["left"].shape == (1, 8, 4)
    assert torch.equal(joined, digits.columns["image"].test[:])
    assert torch.equal(halves["label"].test[:], digits.columns["label"].test[:])


def test_an_unknown_source_is_an_error_with_the_nearest_name() -> None:
    with pytest.raises(DataError, match=r"no data source `digit`; did you mean `digits`\? there are .*`npz:PATH`"):
        load_source("digit")
    with pytest.raises(DataError, match=r"write `npz:a\.npz` for a file"):
        load_source("a.npz")


def test_a_file_with_its_own_test_arrays_keeps_its_split(tmp_path: Path) -> None:
    source = load_source(
        write(
            tmp_path / "a.npz",
            x_train=np.zeros((6, 3, 5, 5), np.uint8) + 255,
            x_test=np.zeros((2, 3, 5, 5), np.uint8),
            y_train=[3, 4, 3, 4, 9, 9],
            y_test=[9, 4],
        )
    )
    assert source.columns["x"].kind is ColumnKind.IMAGE
    assert torch.equal(source.columns["x"].train[:], torch.ones(6, 3, 5, 5))
    assert torch.equal(source.columns["x"].test[:], torch.zeros(2, 3, 5, 5))
    assert source.columns["y"].classes == 3
    assert source.columns["y"].train[:].tolist() == [0, 1, 0, 1, 2, 2]
    assert source.columns["y"].test[:].tolist() == [2, 1]


def test_a_file_without_test_arrays_is_split_once_for_all(tmp_path: Path) -> None:
    labels = np.repeat(np.arange(5), 10)
    source = load_source(write(tmp_path / "a.npz", x=labels[:, None] + np.zeros((50, 2)), y=labels))
    x, y = source.columns["x"], source.columns["y"]
    assert (source.num_train, source.num_test) == (40, 10)
    assert torch.equal(x.test[:][:, 0].long(), y.test[:])
    assert torch.bincount(y.test[:]).tolist() == [2] * 5


@pytest.mark.parametrize(
    ("array", "kind", "shape"),
    [
        (np.zeros((10, 3, 8, 8)), ColumnKind.IMAGE, (3, 8, 8)),
        (np.zeros((10, 8, 8, 3)), ColumnKind.IMAGE, (3, 8, 8)),
        (np.zeros((10, 8, 6, 2)), ColumnKind.IMAGE, (2, 8, 6)),
        (np.zeros((10, 13, 8, 8)), ColumnKind.IMAGE, (13, 8, 8)),
        (np.zeros((10, 8, 8, 13)), ColumnKind.IMAGE, (13, 8, 8)),
        (np.zeros((10, 512, 7, 7)), ColumnKind.IMAGE, (512, 7, 7)),
        (np.zeros((10, 4, 4, 3)), ColumnKind.IMAGE, (3, 4, 4)),
        (np.zeros((10, 1, 8, 8), np.uint8), ColumnKind.IMAGE, (1, 8, 8)),
        (np.zeros((10, 28, 28), np.uint8), ColumnKind.IMAGE, (1, 28, 28)),
        (np.zeros((10, 7, 4)), ColumnKind.SEQUENCE, (7, 4)),
        (np.zeros((10, 7)), ColumnKind.VECTOR, (7,)),
        (np.zeros(10), ColumnKind.VECTOR, (1,)),
        (np.arange(10) % 2, ColumnKind.LABEL, ()),
        (np.arange(10) % 2 == 0, ColumnKind.LABEL, ()),
    ],
)
def test_the_kind_of_an_array_follows_from_its_shape_and_dtype(
    array: np.ndarray, kind: ColumnKind, shape: tuple[int, ...]
) -> None:
    column = source_from_arrays({"a": array}).columns["a"]
    assert (column.kind, column.shape) == (kind, shape)
    assert column.train.dtype == (torch.int64 if kind is ColumnKind.LABEL else torch.float32)


def test_channels_last_images_are_turned_not_reshaped() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (10, 5, 6, 3)).astype(np.uint8)
    column = source_from_arrays({"a": pixels, "a_test": pixels[:2]}).columns["a"]
    assert torch.equal((column.test[:] * 255).round().to(torch.uint8), torch.from_numpy(pixels[:2]).permute(0, 3, 1, 2))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_tensors_are_a_source_too(dtype: torch.dtype) -> None:
    column = source_from_arrays({"v": torch.ones(5, 2, dtype=dtype, requires_grad=True)}).columns["v"]
    assert column.train.dtype == torch.float32
    assert not column.train[:].requires_grad


def test_a_file_with_python_objects_is_refused_without_unpickling_them(tmp_path: Path) -> None:
    class Exploding:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("the file ran code",))

    objects = np.empty(4, dtype=object)
    objects[:] = [Exploding() for _ in range(4)]
    with pytest.raises(DataError, match=r"array `x` of .* cannot be read without unpickling Python objects"):
        load_source(write(tmp_path / "a.npz", x=objects))


def test_files_that_cannot_be_read_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        load_source(f"npz:{tmp_path / 'none.npz'}")
    with pytest.raises(DataError, match="cannot be read"):
        load_source(f"npz:{tmp_path}")
    broken = tmp_path / "broken.npz"
    broken.write_bytes(b"not a zip file")
    with pytest.raises(DataError, match=r"is not a readable \.npz file"):
        load_source(f"npz:{broken}")
    write(broken, x=np.zeros((100, 100)))
    broken.write_bytes(broken.read_bytes()[:5000])
    with pytest.raises(DataError, match=r"is not a readable \.npz file"):
        load_source(f"npz:{broken}")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({}, "holds no arrays"),
        ({"x": np.array(["a", "b"])}, "holds `<U1` values"),
        ({"x": np.zeros((2, 2), complex)}, "holds `complex128` values"),
        ({"x": np.float64(3.0)}, "has 0 axes"),
        ({"x": np.array([[1.0, np.nan], [1.0, 2.0]])}, "not finite"),
        ({"x_test": np.zeros((3, 2))}, "no training array"),
        ({"x": np.zeros((3, 2)), "x_train": np.zeros((3, 2))}, "both `x` and `x_train`"),
        ({"x": np.zeros((3, 2)), "x_test": np.zeros((3, 4))}, "examples of shape"),
        ({"x": np.zeros((3, 2)), "y": np.array([0, 1])}, "number of training examples: `x` 3, `y` 2"),
        ({"x": np.zeros((3, 2)), "x_test": np.zeros((3, 2)), "y": np.array([0, 1, 1])}, "number of test examples"),
        ({"x": np.zeros((1, 2))}, "too few examples"),
        ({"y": np.zeros(5, int)}, "has 1 class;"),
        ({"y": np.array([0, 1]), "y_test": np.array([0, 2])}, "classes that no training example has: 2;"),
    ],
)
def test_arrays_that_do_not_fit_are_errors(arrays: dict[str, np.ndarray], message: str) -> None:
    with pytest.raises(DataError, match=message):
        source_from_arrays(arrays)


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_numbers_beyond_float32_are_no_infinities(tmp_path: Path, kind: str) -> None:
    x = np.arange(20, dtype=np.float64).reshape(10, 2)
    x[3, 1] = 1e39
    np.save(tmp_path / "x.npy", x)
    text = write(tmp_path / "a.npz", x=x) if kind == "npz" else f"npy:x={tmp_path / 'x.npy'}"
    with pytest.raises(DataError, match=r"x\[3\]` holds a number that is not finite, or beyond those of float32"):
        load_source(text)
    source = load_source(f"{text},skip=1")
    rows = torch.cat((source.columns["x"].train[:], source.columns["x"].test[:]))
    assert sorted(rows[:, 0].tolist()) == [0.0, 2.0, 4.0, 8.0, 10.0, 12.0, 14.0, 16.0, 18.0]
    assert bool(rows.isfinite().all())


def test_parts_of_bytes_and_of_floats_are_not_one_column() -> None:
    with pytest.raises(DataError, match="`x_test` holds `float64` values, `x` `uint8`"):
        source_from_arrays({"x": np.zeros((4, 1, 8, 8), np.uint8), "x_test": np.zeros((4, 1, 8, 8))})


def test_classes_have_the_names_of_the_data(digits: DataSource) -> None:
    assert digits.columns["label"].class_names == tuple("0123456789")
    column = source_from_arrays({"y": np.array([30, 4, 30, 4, -1, 7, 7, 4])}).columns["y"]
    assert (column.classes, column.class_names) == (3, ("4", "7", "30"))


def test_unusual_numbers_of_channels_are_said() -> None:
    (note,) = source_from_arrays({"x": np.zeros((10, 13, 8, 8))}).notes
    assert note == "`x` is taken for images of 8x8 pixels with 13 channels"
    assert source_from_arrays({"x": np.zeros((10, 3, 8, 8))}).notes == ()


@pytest.mark.parametrize("kind", ["npz", "npy", "csv", "parquet"])
def test_a_pipe_is_not_waited_for(tmp_path: Path, kind: str) -> None:
    os.mkfifo(tmp_path / "pipe")
    for path in (tmp_path / "pipe", Path("/dev/zero")):
        with pytest.raises(DataError, match="no file"):
            load_source(f"{kind}:X={path}" if kind == "npy" else f"{kind}:{path}")
