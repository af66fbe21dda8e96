"""Arrays of .npy files: the same as in memory, read from where they lie, never unpickled."""

import pickle
from pathlib import Path

import numpy as np
import pytest
import torch

from mvib.data import BatchLoader, DataError, StoredRows, load_source, mask_name, source_from_arrays, training_part
from mvib.data.binding import bind_columns
from mvib.data.rows import MappedRows

RANDOM = np.random.default_rng(0)


def save(folder: Path, **arrays: np.ndarray) -> str:
    for name, array in arrays.items():
        np.save(folder / f"{name}.npy", array)
    return "npy:" + ",".join(f"{name}={folder / name}.npy" for name in arrays)


@pytest.mark.parametrize(
    "array",
    [
        RANDOM.normal(size=(20, 3)),
        RANDOM.normal(size=20),
        RANDOM.normal(size=(20, 4, 2)),
        RANDOM.integers(0, 256, (20, 5, 5)).astype(np.uint8),
        RANDOM.integers(0, 256, (20, 3, 5, 6)).astype(np.uint8),
        RANDOM.integers(0, 256, (20, 5, 6, 3)).astype(np.uint8),
        RANDOM.normal(size=(20, 1, 5, 6)).astype(np.float16),
        RANDOM.integers(0, 256, (20, 3)).astype(np.uint8),
        np.arange(20) % 3 + 5,
    ],
    ids=lambda array: f"{array.dtype}{array.shape}",
)
def test_a_file_gives_what_the_array_gives(tmp_path: Path, array: np.ndarray) -> None:
    mapped = load_source(save(tmp_path, x=array)).columns["x"]
    held = source_from_arrays({"x": array}).columns["x"]
    assert (mapped.kind, mapped.shape, mapped.classes) == (held.kind, held.shape, held.classes)
    assert mapped.train.dtype == held.train.dtype
    assert torch.equal(mapped.train[:], held.train[:])
    assert torch.equal(mapped.test[:], held.test[:])
    places = torch.tensor([3, 0, 3, 7])
    assert torch.equal(mapped.train[places], held.train[places])
    assert torch.equal(mapped.train[2:6], held.train[2:6])


def test_the_array_stays_on_disk(tmp_path: Path) -> None:
    source = load_source(save(tmp_path, x=np.zeros((1000, 1000))))
    rows = source.columns["x"].train
    assert isinstance(rows, MappedRows)
    # Another process gets the path and which rows, and not a copy of them.
    assert len(pickle.dumps(rows)) < 20_000
    again = pickle.loads(pickle.dumps(rows))
    assert torch.equal(again[:5], rows[:5])


def test_training_and_test_files_and_labels_belong_together(tmp_path: Path) -> None:
    text = save(
        tmp_path,
        x_train=np.arange(6.0)[:, None],
        x_test=np.arange(2.0)[:, None],
        y_train=np.array([0, 1, 2, 0, 1, 2]),
        y_test=np.array([2, 0]),
    )
    source = load_source(text)
    assert source.columns["x"].test[:].tolist() == [[0.0], [1.0]]
    assert source.columns["y"].test[:].tolist() == [2, 0]


def test_missing_rows_are_found_on_disk(tmp_path: Path) -> None:
    array = RANDOM.normal(size=(10, 2))
    array[[2, 5]] = np.nan
    text = save(tmp_path, x=array, x_test=array)
    source = load_source(text.replace("x_test=", "x_test="))
    with pytest.raises(DataError, match="write `partial` behind its type"):
        bind_columns(source, [("x", "vector", False)])
    bound = bind_columns(source, [("x", "vector", True)])
    assert bound[mask_name("x")].train[:].tolist() == [place not in (2, 5) for place in range(10)]
    array[3, 1] = np.inf
    with pytest.raises(DataError, match="not finite"):
        load_source(save(tmp_path, x=array))


def test_python_objects_are_not_unpickled(tmp_path: Path) -> None:
    class Exploding:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return (pytest.fail, ("the file ran code",))

    objects = np.empty(4, dtype=object)
    objects[:] = [Exploding() for _ in range(4)]
    np.save(tmp_path / "x.npy", objects, allow_pickle=True)
    with pytest.raises(DataError, match=r"not a readable \.npy file of numbers"):
        load_source(f"npy:X={tmp_path / 'x.npy'}")
    # A pickle under this name.
    (tmp_path / "x.npy").write_bytes(pickle.dumps(Exploding()))
    with pytest.raises(DataError, match=r"not a readable \.npy file of numbers"):
        load_source(f"npy:X={tmp_path / 'x.npy'}")


def test_damaged_files_are_errors(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    with pytest.raises(DataError, match="there is no file"):
        load_source(f"npy:X={path}")
    np.save(path, np.zeros((100, 10)))
    whole = path.read_bytes()
    for content in (b"", whole[:20], whole[:500]):
        path.write_bytes(content)
        with pytest.raises(DataError, match=r"x\.npy"):
            load_source(f"npy:X={path}")


def test_batches_come_from_the_file(tmp_path: Path) -> None:
    array = np.arange(40.0)[:, None]
    source = load_source(save(tmp_path, x=array, y=np.arange(40) % 2))
    loader = BatchLoader(training_part(source.columns), device=torch.device("cpu"), bad=source.bad)
    batches = list(loader.shuffled(size=8, seed=0, epoch=0, drop_last=True))
    assert [len(batch["x"]) for batch in batches] == [8] * 4
    values = torch.cat([batch["x"] for batch in batches])[:, 0]
    assert len(set(values.tolist())) == 32
    assert torch.equal(values.long() % 2, torch.cat([batch["y"] for batch in batches]))
    assert isinstance(source.columns["x"].train, StoredRows)


def test_several_data_sets_by_name(tmp_path: Path) -> None:
    save(tmp_path, a=RANDOM.normal(size=(10, 2)), b=RANDOM.normal(size=(10, 3)), y=np.arange(10) % 2)
    one = load_source(f"X=npy:{tmp_path}/a.npy,T=npy:{tmp_path}/b.npy,Y=npy:{tmp_path}/y.npy")
    other = load_source(f"npy:X={tmp_path}/a.npy,T={tmp_path}/b.npy,Y={tmp_path}/y.npy")
    assert set(one.columns) == set(other.columns) == {"X", "T", "Y"}
    for name in one.columns:
        assert torch.equal(one.columns[name].train[:], other.columns[name].train[:])
    with pytest.raises(DataError, match="differ in the number of training examples"):
        load_source(f"X=npy:{tmp_path}/a.npy,D=digits")
