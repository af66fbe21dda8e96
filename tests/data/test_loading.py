"""Batches read by other processes: the same whatever their number, shared among ranks, begun anywhere."""

import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from torch import Tensor
from torch.utils.data import Dataset

from mvib.data import BatchLoader, DataError, DataSource, Loading, Share, load_source, source_from_object, training_part
from mvib.data.bad_items import BadItems
from mvib.data.batches import fixed_order
from mvib.data.errors import WorkerEndedError
from mvib.data.loading import is_of_workers
from mvib.data.rows import fetch_batch
from tests.data.pictures import write_classes

CPU = torch.device("cpu")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> DataSource:
    root = write_classes(tmp_path_factory.mktemp("pictures"), number=30)
    return load_source(f"folder:{root},cache=no")


def loader(source: DataSource, *, workers: int = 0, share: Share | None = None) -> BatchLoader:
    loading = Loading(workers=workers)
    return BatchLoader(training_part(source.columns), device=CPU, bad=source.bad, loading=loading, share=share)


def epoch(batches: BatchLoader, number: int = 0, *, seed: int = 0, start: int = 0) -> list[dict[str, Tensor]]:
    return list(batches.shuffled(size=8, seed=seed, epoch=number, drop_last=False, start=start))


def assert_same(one: list[dict[str, Tensor]], other: list[dict[str, Tensor]]) -> None:
    assert len(one) == len(other)
    for a, b in zip(one, other, strict=True):
        assert a.keys() == b.keys()
        assert all(torch.equal(a[name], b[name]) for name in a)


def test_the_number_of_processes_changes_nothing(folder: DataSource) -> None:
    here, there = loader(folder), loader(folder, workers=2)
    for number in range(3):
        assert_same(epoch(here, number), epoch(there, number))
    assert_same(list(here.in_fixed_order(size=7)), list(there.in_fixed_order(size=7)))


def test_an_epoch_has_each_example_once_in_an_order_of_seed_and_epoch(folder: DataSource) -> None:
    batches = loader(folder)
    first = torch.cat([batch["image"] for batch in epoch(batches)])
    assert len({tuple(row) for row in first.flatten(1).tolist()}) == len(first) == folder.num_train
    for number, seed in ((1, 0), (0, 1)):
        other = torch.cat([batch["image"] for batch in epoch(batches, number, seed=seed)])
        assert not torch.equal(first, other)


def test_an_epoch_may_begin_anywhere(folder: DataSource) -> None:
    batches = loader(folder, workers=1)
    whole = epoch(batches, 2)
    assert_same(epoch(batches, 2, start=3), whole[3:])
    # One that is left in the middle does not disturb the next.
    unfinished = batches.shuffled(size=8, seed=0, epoch=0, drop_last=False)
    next(unfinished)
    unfinished.close()  # type: ignore[attr-defined]
    assert_same(epoch(batches, 2), whole)


@pytest.mark.parametrize("ranks", [2, 3])
def test_ranks_share_each_batch_without_overlap(folder: DataSource, ranks: int) -> None:
    whole = epoch(loader(folder))
    shares = [epoch(loader(folder, share=Share(rank, ranks))) for rank in range(ranks)]
    for place, batch in enumerate(whole):
        joined = {name: torch.cat([share[place][name] for share in shares]) for name in batch}
        assert_same([joined], [batch])


def test_arrays_in_memory_are_shared_and_begun_alike() -> None:
    source = load_source("digits")
    order = torch.cat([batch["label"] for batch in epoch(loader(source))])
    assert torch.equal(torch.cat([batch["label"] for batch in epoch(loader(source), start=2)]), order[16:])
    halves = [epoch(loader(source, share=Share(rank, 2)))[0]["label"] for rank in (0, 1)]
    assert torch.equal(torch.cat(halves), order[:8])


def test_the_global_generators_are_left_alone(folder: DataSource) -> None:
    torch.manual_seed(5)
    state = torch.get_rng_state()
    epoch(loader(folder))
    epoch(loader(folder, workers=1))
    assert torch.equal(torch.get_rng_state(), state)


class Drawing(Dataset[tuple[Tensor, int]]):
    """Items that draw from all three generators, as a data set with augmentation does."""

    def __len__(self) -> int:
        return 40

    def __getitem__(self, item: int) -> tuple[Tensor, int]:
        drawn = [float(torch.rand(())), float(np.random.rand()), random.random()]
        return torch.tensor([*drawn, float(item)]), item % 2


def test_what_workers_draw_differs_among_them_and_not_with_their_number() -> None:
    source = source_from_object(Drawing())
    found = {workers: epoch(loader(source, workers=workers)) for workers in (0, 1, 2)}
    assert_same(found[0], found[1])
    assert_same(found[0], found[2])
    drawn = torch.cat([batch["vector"] for batch in found[2]])[:, :3]
    # Workers that began with one state would draw the same numbers for their first batches.
    assert len(set(drawn.flatten().tolist())) == drawn.numel()
    again = torch.cat([batch["vector"] for batch in epoch(loader(source, workers=2), 1)])[:, :3]
    assert not set(again.flatten().tolist()) & set(drawn.flatten().tolist())


class Dying(Dataset[Tensor]):
    def __len__(self) -> int:
        return 40

    def __getitem__(self, item: int) -> Tensor:
        import os  # noqa: PLC0415

        if torch.utils.data.get_worker_info() is not None:
            os._exit(1)
        return torch.zeros(2)


def test_a_process_that_dies_is_an_error_and_not_a_hang() -> None:
    with pytest.raises(DataError, match=r"a process that reads the data has ended.*`--workers 1`"):
        epoch(loader(source_from_object(Dying()), workers=1))


class Loose(Dataset[Tensor]):
    def __len__(self) -> int:
        return 40

    def __getitem__(self, item: int) -> Tensor:
        if torch.utils.data.get_worker_info() is not None:
            raise RuntimeError("the cable is loose")
        return torch.zeros(2)


def test_an_error_of_a_data_set_is_not_told_as_a_process_that_has_ended() -> None:
    with pytest.raises(Exception, match="the cable is loose") as found:
        epoch(loader(source_from_object(Loose()), workers=1))
    assert not isinstance(found.value, WorkerEndedError)
    assert not is_of_workers(found.value)
    for words in (
        "DataLoader worker (pid 7) exited unexpectedly with exit code 1. Details are lost due to multiprocessing.",
        "DataLoader worker (pid(s) 7, 8) exited unexpectedly",
        "DataLoader worker (pid 7) is killed by signal: Killed. ",
    ):
        assert is_of_workers(RuntimeError(words))
    assert not is_of_workers(RuntimeError("Caught RuntimeError in DataLoader worker process 0.\nOriginal Traceback"))


def test_an_object_may_be_a_pair_of_data_sets_or_a_mapping_of_them() -> None:
    for data in ((Drawing(), Drawing()), {"train": Drawing(), "test": Drawing()}):
        source = source_from_object(data)
        assert (source.num_train, source.num_test) == (40, 40)
        assert source.columns["label"].classes == 2


class Items(Dataset[Any]):
    def __init__(self, items: list[Any]) -> None:
        self.items = items

    def __len__(self) -> int:
        return len(self.items)

    def __getitem__(self, place: int) -> Any:
        return self.items[place]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (Items([]), "has no items"),
        (Items([("a", 1)] * 4), "`value 0` of the data set is a `str`"),
        (Items([{"x": torch.zeros(2)}, {"y": torch.zeros(2)}] * 4), "has no `x`"),
        (Items([torch.zeros(2), torch.zeros(3)] * 4), "has the shape"),
        ({"train": Items([1]), "val": Items([1])}, "call them `train` and `test`"),
        (7, "data of the type `int` are not known"),
    ],
)
def test_objects_that_cannot_be_used(data: Any, message: str) -> None:
    with pytest.raises(DataError, match=message):
        epoch(loader(source_from_object(data)))


def test_named_items_and_pictures(tmp_path: Path) -> None:
    grey = np.arange(16, dtype=np.uint8).reshape(4, 4)
    source = source_from_object(Items([{"left": grey, "right": torch.ones(3, 4, 4), "kind": n % 3} for n in range(9)]))
    assert {name: column.shape for name, column in source.columns.items()} == {
        "left": (1, 4, 4),
        "right": (3, 4, 4),
        "kind": (),
    }
    batches = BatchLoader(training_part(source.columns), device=CPU, bad=BadItems(), loading=Loading(workers=0))
    assert float(next(batches.in_fixed_order(size=2))["left"].max()) == pytest.approx(15 / 255)


class Turning(Dataset[dict[str, Any]]):
    """Two values of one draw, as of a picture and its mask."""

    def __init__(self, *, labels: bool = False, targets: Any = None) -> None:
        self.labels = labels
        if targets is not None:
            self.targets = targets

    def __len__(self) -> int:
        return 100

    def __getitem__(self, item: int) -> dict[str, Any]:
        angle = torch.rand(1)
        values = {"left": angle, "right": angle + item, "Y": item % 3}
        return values | {"turn": int(angle * 4)} if self.labels else values


@pytest.mark.parametrize("workers", [0, 2])
def test_values_of_an_item_come_from_one_look_at_it(workers: int) -> None:
    source = source_from_object(Turning())
    seen = [batch for number in range(2) for batch in epoch(loader(source, workers=workers), number)]
    for batch in seen:
        items = (batch["right"] - batch["left"]).round().long().flatten()
        assert torch.allclose(batch["right"] - items[:, None], batch["left"], atol=1e-5)
        assert torch.equal(items % 3, batch["Y"])


def test_a_label_that_is_drawn_is_an_error() -> None:
    source = source_from_object(Turning(labels=True))
    with pytest.raises(DataError, match=r"item \d+ .* has the label \d as `turn`, and had \d when"):
        epoch(loader(source))


def test_targets_count_only_where_the_items_say_the_same() -> None:
    def labels(targets: Any) -> list[int]:
        column = source_from_object((Turning(targets=targets), Turning(targets=targets))).columns["Y"]
        assert isinstance(column.train, Tensor)
        return column.train.tolist()

    own = [n % 3 for n in range(100)]
    # What a `target_transform` makes of the targets is what counts, and so with targets of another kind.
    for targets in (own, [n % 10 for n in range(100)], [[0.0, 1.0]] * 100, torch.tensor(own)):
        assert labels(targets) == own
    wrong_once = [0, 1, 0, *own[3:]]
    source = source_from_object((Turning(targets=wrong_once), Turning(targets=wrong_once)))
    with pytest.raises(DataError, match="item 2 of the data set has the label 2"):
        epoch(loader(source))


class Pictures(Dataset[tuple[Any, int]]):
    def __init__(self, picture: Any) -> None:
        self.picture = picture

    def __len__(self) -> int:
        return 10

    def __getitem__(self, item: int) -> tuple[Any, int]:
        if item == 7 and self.picture is None:
            raise OSError("image file is truncated")
        return (np.zeros((8, 8), np.uint8) if self.picture is None else self.picture), item % 2


def test_pictures_of_data_sets_may_have_their_channels_last() -> None:
    random = np.random.default_rng(0).integers(0, 256, (5, 7, 3), np.uint8)
    expected = torch.from_numpy(random).permute(2, 0, 1).float() / 255
    thin = Image.fromarray(random[:, :1])
    for picture in (random, Image.fromarray(random), random.transpose(2, 0, 1)):
        assert torch.equal(source_from_object(Pictures(picture)).columns["image"].train[:1][0], expected)
    assert torch.equal(source_from_object(Pictures(thin)).columns["image"].train[:1][0], expected[:, :, :1])


@pytest.mark.parametrize("shape", [(13, 8, 8), (512, 7, 7), (8, 5, 3)])
def test_tensors_of_data_sets_are_left_as_they_are(shape: tuple[int, ...]) -> None:
    assert source_from_object(Pictures(torch.rand(shape))).columns["image"].shape == shape


def test_a_process_without_a_row_of_a_small_batch_gets_an_empty_one() -> None:
    source = source_from_object(Drawing())
    (batch, *_) = epoch(loader(source, share=Share(rank=8, ranks=9)))
    rest = list(loader(source, share=Share(rank=0, ranks=9)).shuffled(size=8, seed=0, epoch=0, drop_last=False))
    assert batch["vector"].shape == (1, 4)
    assert rest[0]["vector"].shape == (0, 4)


class Failing(Items):
    def __getitem__(self, place: int) -> Any:
        if place == 5:
            raise RuntimeError("no such thing")
        return torch.zeros(2)


@pytest.mark.parametrize("workers", [0, 1])
def test_what_the_code_of_a_user_raises_names_the_item(workers: int) -> None:
    source = source_from_object((Failing([0] * 8), Failing([0] * 8)))
    with pytest.raises(DataError, match="item 5 of the data set cannot be read: RuntimeError: no such thing"):
        epoch(loader(source, workers=workers))


def test_an_item_that_cannot_be_read_is_named() -> None:
    with pytest.raises(DataError, match="item 7 of the data set cannot be read: OSError: image file is truncated"):
        source_from_object(Pictures(None))


class Pictured(Dataset[Any]):
    """Bytes of pictures in some items, floats in others; all are in [0, 1] in the end."""

    def __init__(self, *, floats: bool) -> None:
        self.pixels = torch.arange(24 * 16, dtype=torch.int64).reshape(24, 1, 4, 4).remainder(256).to(torch.uint8)
        self.floats = floats

    def __len__(self) -> int:
        return 24

    def __getitem__(self, item: int) -> dict[str, Any]:
        whole = self.pixels[item]
        return {"image": whole / 255 if self.floats and item % 5 == 3 else whole, "Y": item % 2}


@pytest.mark.parametrize("workers", [0, 1])
@pytest.mark.parametrize("kind", ["decoded", "kept", "mapped", "items", "mixed items"])
def test_pictures_are_bytes_until_they_are_on_the_device(tmp_path: Path, kind: str, workers: int) -> None:
    pixels = Pictured(floats=False).pixels
    np.save(tmp_path / "pixels.npy", pixels.numpy())
    for number, picture in enumerate(pixels[:, 0].numpy()):
        file = tmp_path / "pictures" / str(number % 2) / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(file)
    source = {
        "decoded": lambda: load_source(f"folder:{tmp_path / 'pictures'},cache=no"),
        "kept": lambda: load_source(f"folder:{tmp_path / 'pictures'},cache=yes"),
        "mapped": lambda: load_source(f"npy:{tmp_path / 'pixels.npy'}"),
        "items": lambda: source_from_object(Pictured(floats=False)),
        "mixed items": lambda: source_from_object(Pictured(floats=True)),
    }[kind]()
    ((name, rows),) = ((name, rows) for name, rows in training_part(source.columns).items() if len(rows.shape) == 4)
    crossing = fetch_batch({name: rows}, torch.arange(8))[name]
    assert crossing.dtype is (torch.float32 if kind == "mixed items" else torch.uint8)
    batches = BatchLoader({name: rows}, device=CPU, bad=source.bad, loading=Loading(workers=workers))
    read = torch.cat([batch[name] for batch in batches.in_fixed_order(size=8)])
    assert read.dtype is torch.float32
    assert len(read) == len(rows)
    expected = {tuple(picture) for picture in (pixels.flatten(1) / 255).tolist()}
    assert {tuple(picture) for picture in read.flatten(1).tolist()} <= expected
    assert torch.equal(rows[0:8], read[torch.argsort(fixed_order(len(rows)))][:8])
