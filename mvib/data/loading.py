"""Minibatches of columns, wherever they lie: from memory at once, otherwise by processes that read ahead of the model.

The order of an epoch is a permutation of the seed and the epoch. Each process of a run takes its share of every global
batch, so that the batches of one process are those of several together. Random numbers that reading draws depend on
seed, epoch, batch and share, and not on how many processes read: a run that goes on gets the same ones.
"""

import os
import random
import re
import signal
import threading
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler, get_worker_info

from mvib.data.bad_items import BadItem, BadItems
from mvib.data.batches import Batch, count_batches, epoch_order, fixed_order
from mvib.data.errors import DataError, WorkerEndedError
from mvib.data.rows import Rows, StoredRows, as_floats, fetch_batch

_MOST_WORKERS = 8
# First word of the seeds of what reading draws.
_READING = 3
_SIGNAL_SECONDS = 1.0
_IN_ORDER = 2**32 - 1
# What torch says of a process that has ended. What one met while it read, such as an error of the user's own data set,
# has other words: "Caught RuntimeError in DataLoader worker process 0".
_ENDED = re.compile(r"DataLoader worker \(pid.*\) (exited|is killed by signal)")


@dataclass(frozen=True, slots=True, kw_only=True)
class Loading:
    """How batches are read ahead; none of it changes what they hold.

    Attributes:
        workers: processes that read; none for one a core, at most 8, and none for columns in memory.
        prefetch: batches that each has ready.
        pin: whether batches are put into pinned memory; none where they go to a GPU.
    """

    workers: int | None = None
    prefetch: int = 2
    pin: bool | None = None


@dataclass(frozen=True, slots=True)
class Share:
    """Which part of each global batch this process takes."""

    rank: int = 0
    ranks: int = 1

    def of(self, indices: Tensor) -> Tensor:
        """A run of neighbours; the shares of all ranks are the whole."""
        start, stop = (len(indices) * rank // self.ranks for rank in (self.rank, self.rank + 1))
        return indices[start:stop]


@dataclass(frozen=True, slots=True)
class _Request:
    """Which rows are to be read, and the seed of what is drawn."""

    indices: Tensor
    words: tuple[int, ...]


@dataclass(slots=True)
class _Answer:
    """A batch in which pictures are bytes, or what went wrong, and the bad items met on the way."""

    batch: Batch
    bad: tuple[BadItem, ...] = ()
    problem: tuple[str, str] | None = None

    def pin_memory(self) -> "_Answer":
        """For faster transfers to a GPU."""
        return replace(self, batch={name: tensor.pin_memory() for name, tensor in self.batch.items()})


class _Reader(Dataset[_Answer]):
    """Answers requests, here or in another process."""

    def __init__(self, rows: Mapping[str, Rows]) -> None:
        self._rows = dict(rows)

    def __getitem__(self, request: _Request) -> _Answer:
        stored = [rows for rows in self._rows.values() if isinstance(rows, StoredRows)]
        with _seeded(request.words):
            try:
                batch = fetch_batch(self._rows, request.indices)
            except DataError as error:
                # An exception of two arguments does not survive the way to the parent.
                return _Answer({}, _met(stored), (error.title, error.remedy))
        return _Answer(batch, _met(stored))


def _met(stored: Sequence[StoredRows]) -> tuple[BadItem, ...]:
    return tuple(item for rows in stored for item in rows.take_met())


class _Requests(Sampler[_Request]):
    """The requests of the epoch to come; the processes outlive it."""

    def __init__(self) -> None:
        self.waiting: Sequence[_Request] = ()

    def __iter__(self) -> Iterator[_Request]:
        return iter(self.waiting)

    def __len__(self) -> int:
        return len(self.waiting)


class BatchLoader:
    """Minibatches of columns on a device. It owns the processes that read."""

    def __init__(
        self,
        rows: Mapping[str, Rows],
        *,
        device: torch.device,
        bad: BadItems,
        loading: Loading | None = None,
        share: Share | None = None,
    ) -> None:
        """Put what fits on the device, and get ready to read the rest.

        Args:
            rows: one part of each column, all of one length.
            device: where batches go.
            bad: is told of items that cannot be read, and holds the limit.
            loading: how to read ahead.
            share: of each batch.
        """
        loading = loading or Loading()
        stored = [part for part in rows.values() if isinstance(part, StoredRows)]
        self._workers = _num_workers(loading, stored)
        is_slow = any(part.is_slow for part in stored)
        # Rows that other processes read stay where these can reach them.
        self._rows = dict(rows) if is_slow else {name: part.to(device) for name, part in rows.items()}
        self._is_slow = is_slow
        self._device = device
        self._bad = bad
        self._share = share or Share()
        self._pin = device.type == "cuda" if loading.pin is None else loading.pin
        self._loading = loading
        self._requests = _Requests()
        self._loader: DataLoader[_Answer] | None = None

    @property
    def num_rows(self) -> int:
        """Of each column."""
        return len(next(iter(self._rows.values())))

    def shuffled(self, *, size: int, seed: int, epoch: int, drop_last: bool, start: int = 0) -> Iterator[Batch]:
        """One epoch of shuffled minibatches.

        Args:
            size: examples in a batch of all processes together.
            seed: of the run.
            epoch: from 0.
            drop_last: leave out an incomplete batch at the end.
            start: batches that were taken before; they are not read again.

        Raises:
            DataError: there are fewer examples than one batch takes; while reading, more bad items than may be left
                out.
        """
        number = count_batches(self.num_rows, size=size, drop_last=drop_last)
        order = epoch_order(self.num_rows, seed=seed, epoch=epoch)
        requests = [
            _Request(
                self._share.of(order[place * size : (place + 1) * size]),
                (_READING, seed, epoch, place, self._share.rank),
            )
            for place in range(start, number)
        ]
        return self._answers(requests)

    def in_fixed_order(self, *, size: int) -> Iterator[Batch]:
        """All examples in `fixed_order`, the last minibatch as small as it comes out.

        Not as they lie: a term that couples the examples of a batch has another value on batches of one class, and
        where the incomplete batch is left out the last class would be.
        """
        number = count_batches(self.num_rows, size=size, drop_last=False)
        order = fixed_order(self.num_rows)
        requests = [
            _Request(
                self._share.of(order[place * size : (place + 1) * size]),
                (_READING, _IN_ORDER, place, self._share.rank),
            )
            for place in range(number)
        ]
        return self._answers(requests)

    def _answers(self, requests: Sequence[_Request]) -> Iterator[Batch]:
        if not self._is_slow:
            for request in requests:
                yield self._arrived(fetch_batch(self._rows, request.indices))
            return
        self._requests.waiting = requests
        if self._loader is None:
            self._loader = self._start()
        answers = iter(self._loader)
        while True:
            try:
                answer = next(answers)
            except StopIteration:
                return
            except (RuntimeError, OSError, EOFError) as problem:
                ended = _find_ended(problem)
                if ended is None:
                    raise
                raise WorkerEndedError(*describe_ended(ended)) from problem
            for item in answer.bad:
                self._bad.add(item)
            self._bad.check()
            if answer.problem is not None:
                raise DataError(*answer.problem)
            yield self._arrived(answer.batch)

    def _arrived(self, batch: Batch) -> Batch:
        """A batch on the device; pictures come there as bytes, and are made floats there."""
        return {name: as_floats(numbers.to(self._device, non_blocking=self._pin)) for name, numbers in batch.items()}

    def close(self) -> None:
        """End the processes that read; they start again when they are needed."""
        loader, self._loader = self._loader, None
        # torch has no public way, and would end them at some later time, when the loader is collected.
        end = getattr(getattr(loader, "_iterator", None), "_shutdown_workers", None)
        if end is not None:
            end()

    def _start(self) -> DataLoader[_Answer]:
        several: dict[str, Any] = {}
        if self._workers:
            several = {"prefetch_factor": self._loading.prefetch, "persistent_workers": True}
        return DataLoader(
            _Reader(self._rows),
            batch_size=None,
            sampler=self._requests,
            collate_fn=_same,
            num_workers=self._workers,
            pin_memory=self._pin,
            # Without one of its own the loader would draw from torch's global generator.
            generator=torch.Generator().manual_seed(0),
            **several,
        )


def is_of_workers(problem: BaseException) -> bool:
    """Whether a problem is that a process that reads has ended. torch raises it wherever it finds the program."""
    return isinstance(problem, RuntimeError) and _ENDED.match(str(problem)) is not None


@contextmanager
def workers_may_end() -> Iterator[None]:
    """Within it, the end of a process that reads is no error, as when a signal ends all processes of a job."""
    is_main = threading.current_thread() is threading.main_thread()
    if not is_main or not hasattr(signal, "SIGCHLD"):
        yield
        return
    before = signal.getsignal(signal.SIGCHLD) or signal.SIG_DFL
    while signal.getsignal(signal.SIGCHLD) is not signal.SIG_DFL:
        try:
            signal.signal(signal.SIGCHLD, signal.SIG_DFL)
        except RuntimeError as problem:
            # An end that was noticed before; torch tells each loader's once.
            if not is_of_workers(problem):
                raise
    try:
        yield
    finally:
        signal.signal(signal.SIGCHLD, before)


def _find_ended(problem: Exception) -> Exception | None:
    """What torch says of a process that has ended, where a problem comes from that; none for another problem."""
    if is_of_workers(problem):
        return problem
    # An error that a process met while it read has its own words for where; without them the way to it is cut off.
    if isinstance(problem, RuntimeError) or "in DataLoader worker process" in str(problem):
        return None
    try:
        # A signal is on its way that torch turns into an error wherever it finds the program: here, and no later.
        time.sleep(_SIGNAL_SECONDS)
    except RuntimeError as found:
        return found if is_of_workers(found) else problem
    return problem


def describe_ended(problem: BaseException) -> tuple[str, str]:
    """What is wrong where a process that reads has ended, and a remedy."""
    return f"a process that reads the data has ended: {problem}", "use fewer of them: `--workers 1`, or 0"


def _same(answer: Any) -> Any:
    return answer


def _num_workers(loading: Loading, stored: Sequence[StoredRows]) -> int:
    if not any(part.is_slow for part in stored):
        return 0
    if loading.workers is not None:
        return loading.workers
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return min(cores, _MOST_WORKERS)


@contextmanager
def _seeded(words: Sequence[int]) -> Iterator[None]:
    """The generators of torch, numpy and Python begin at a seed; outside worker processes they are put back."""
    is_here = get_worker_info() is None
    before = (torch.get_rng_state(), np.random.get_state(), random.getstate()) if is_here else None
    first, second, third = np.random.SeedSequence(words).generate_state(3, np.uint64)
    torch.default_generator.manual_seed(int(first >> np.uint64(1)))
    np.random.seed(int(second & np.uint64(2**32 - 1)))
    random.seed(int(third))
    try:
        yield
    finally:
        if before is not None:
            torch.set_rng_state(before[0])
            np.random.set_state(before[1])
            random.setstate(before[2])
