"""Rows of a column that are not floats in memory: bytes, files that are mapped, pictures that are decoded on request.

A column's part is a tensor or `StoredRows`; both have a length, a shape, a dtype and give a tensor for a slice or for
indices, so that what reads a column needs not know which it is.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Protocol

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from mvib.data.array_file import map_array
from mvib.data.bad_items import BadItem

Indices = npt.NDArray[np.int64]
Key = slice | Tensor

_BYTE = 255.0
# A pass over all rows holds about this many numbers at a time.
_CHUNK = 1 << 22
# A file of more bytes is known by its size and by as many bytes of blocks spread over it.
_HASHED = 1 << 28
_BLOCKS = 64


class Digest(Protocol):
    """What takes the bytes of a fingerprint."""

    def update(self, content: bytes, /) -> object:
        """Add bytes."""


class StoredRows(ABC):
    """Examples of one column, float32 as they are read; a subclass knows where they lie."""

    dtype: Final = torch.float32

    @property
    @abstractmethod
    def row_shape(self) -> tuple[int, ...]:
        """The shape of one example."""

    @property
    def is_slow(self) -> bool:
        """Whether reading takes so long that other processes should do it ahead of the model."""
        return False

    @property
    def preparation(self) -> str:
        """What is done to an example of the data until it is read, in words; empty where nothing is known of it."""
        return ""

    @property
    def has_missing(self) -> bool:
        """Whether some example is missing: NaN throughout."""
        return False

    @abstractmethod
    def __len__(self) -> int: ...

    @property
    def origin(self) -> object:
        """Rows of equal origin are parts of the same items: what `fetch` gets for one of them serves all."""
        return self

    @abstractmethod
    def fetch(self, indices: Indices) -> Any:
        """What `convert` makes the examples of some places of, once for all rows of one origin."""

    def convert(self, fetched: Any) -> Tensor:
        """These rows' part of what was fetched: float32, or bytes, which `as_floats` divides."""
        assert isinstance(fetched, Tensor)
        return fetched

    def read(self, indices: Indices) -> Tensor:
        """The examples of some places, float32, on the device of the rows.

        Raises:
            DataError: one cannot be read.
        """
        return as_floats(self.convert(self.fetch(indices)))

    @abstractmethod
    def take(self, indices: Indices) -> "StoredRows":
        """The rows of some places, still where they lie."""

    @abstractmethod
    def add_to(self, digest: Digest) -> None:
        """Add to a fingerprint what tells these rows from others."""

    @property
    def shape(self) -> torch.Size:
        """With the examples as first axis."""
        return torch.Size((len(self), *self.row_shape))

    @property
    def device(self) -> torch.device:
        """Where `read` puts the examples."""
        return torch.device("cpu")

    def take_met(self) -> tuple[BadItem, ...]:
        """Bad items that a loading process has met since the last call."""
        return ()

    @property
    def stood_in(self) -> frozenset[int]:
        """Rows that this process has read as another example, since their own could not be read."""
        return frozenset()

    def to(self, device: torch.device) -> "StoredRows":
        """The same on a device where that is possible; otherwise the batches are moved one by one."""
        return self

    def flatten(self, start_dim: int) -> "StoredRows":
        """Each example as one row of numbers."""
        assert start_dim == 1
        return FlatRows(self)

    def __getitem__(self, key: Key) -> Tensor:
        if isinstance(key, slice):
            return self.read(np.arange(*key.indices(len(self)), dtype=np.int64))
        return self.read(key.cpu().numpy().astype(np.int64))

    def is_present(self) -> Tensor:
        """Which examples have a value."""
        present = torch.ones(len(self), dtype=torch.bool)
        if self.has_missing:
            for places in chunks(len(self), self.row_shape):
                present[places] = ~self.read(places).cpu().flatten(start_dim=1).isnan().all(dim=1)
        return present


Rows = Tensor | StoredRows


class FlatRows(StoredRows):
    """Other rows with each example put into one row of numbers."""

    def __init__(self, rows: StoredRows) -> None:
        """Over the rows."""
        self._rows = rows

    @property
    def row_shape(self) -> tuple[int, ...]:
        """One axis."""
        return (int(np.prod(self._rows.row_shape)),)

    @property
    def is_slow(self) -> bool:
        """As the rows below."""
        return self._rows.is_slow

    @property
    def preparation(self) -> str:
        """As the rows below, and put into one row."""
        return "; ".join(filter(None, (self._rows.preparation, "as one row")))

    @property
    def has_missing(self) -> bool:
        """As the rows below."""
        return self._rows.has_missing

    @property
    def device(self) -> torch.device:
        """As the rows below."""
        return self._rows.device

    def __len__(self) -> int:
        return len(self._rows)

    @property
    def origin(self) -> object:
        """That of the rows below."""
        return self._rows.origin

    def fetch(self, indices: Indices) -> Any:
        """As the rows below."""
        return self._rows.fetch(indices)

    def convert(self, fetched: Any) -> Tensor:
        """Those below, flat."""
        return self._rows.convert(fetched).flatten(start_dim=1)

    def take(self, indices: Indices) -> StoredRows:
        """Of those below."""
        return FlatRows(self._rows.take(indices))

    def take_met(self) -> tuple[BadItem, ...]:
        """Of those below."""
        return self._rows.take_met()

    @property
    def stood_in(self) -> frozenset[int]:
        """As the rows below."""
        return self._rows.stood_in

    def to(self, device: torch.device) -> StoredRows:
        """With those below moved."""
        return FlatRows(self._rows.to(device))

    def add_to(self, digest: Digest) -> None:
        """As those below."""
        self._rows.add_to(digest)


class ByteRows(StoredRows):
    """Images in memory as bytes, a quarter of what they take as floats; read in [0, 1]."""

    def __init__(self, pixels: Tensor, *, preparation: str = "") -> None:
        """Args: pixels: uint8, (N, channels, height, width); preparation: of the pictures that they are of."""
        assert pixels.dtype is torch.uint8
        self._pixels = pixels
        self._preparation = preparation

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Channels, height, width."""
        return tuple(self._pixels.shape[1:])

    @property
    def preparation(self) -> str:
        """As given."""
        return self._preparation

    @property
    def device(self) -> torch.device:
        """Where the bytes are."""
        return self._pixels.device

    def __len__(self) -> int:
        return len(self._pixels)

    def fetch(self, indices: Indices) -> Tensor:
        """The bytes."""
        return self._pixels[torch.from_numpy(indices).to(self.device)]

    def take(self, indices: Indices) -> StoredRows:
        """A copy of those."""
        return ByteRows(self._pixels[torch.from_numpy(indices)], preparation=self._preparation)

    def to(self, device: torch.device) -> StoredRows:
        """The bytes on a device."""
        return ByteRows(self._pixels.to(device), preparation=self._preparation)

    def add_to(self, digest: Digest) -> None:
        """All bytes."""
        digest.update(str(tuple(self._pixels.shape)).encode())
        digest.update(self._pixels.cpu().contiguous().numpy().tobytes())


class MappedRows(StoredRows):
    """Rows of a .npy file that stays on disk; only what is asked for is read.

    It is opened anew in another process, so that none gets a copy of the whole.
    """

    def __init__(
        self, path: Path, *, indices: Indices | None = None, channels_last: bool = False, add_axis: int | None = None
    ) -> None:
        """Map a file.

        Args:
            path: of a .npy file of real numbers.
            indices: of the rows that belong here, none for all.
            channels_last: whether the last axis is that of the channels.
            add_axis: where an axis of length one is added: of the channel of grey images, or of a single number.
        """
        self._path = path
        self._channels_last = channels_last
        self._add_axis = add_axis
        self._array = open_npy(path)
        self._indices = indices
        self._is_bytes = self._array.dtype == np.uint8 and self._array.ndim > 2
        self._has_missing: bool | None = None

    @property
    def row_shape(self) -> tuple[int, ...]:
        """As `read` gives it."""
        shape = self._array.shape[1:]
        if self._channels_last:
            shape = (shape[-1], *shape[:-1])
        return (1, *shape) if self._add_axis is not None else shape

    @property
    def preparation(self) -> str:
        """Bytes of pictures are scaled, other numbers are as they stand in the file."""
        return "bytes divided by 255" if self._is_bytes else "numbers as they are stored"

    @property
    def is_slow(self) -> bool:
        """Whether the file is so large that it may not stay in the memory of the system."""
        return self._array.nbytes > _HASHED * 4

    @property
    def has_missing(self) -> bool:
        """Found by one pass over the file."""
        if self._has_missing is None:
            self._has_missing = self._array.dtype.kind == "f" and any(
                bool(np.isnan(self._array[part]).any()) for part in self._parts()
            )
        return self._has_missing

    def _parts(self) -> Iterator[Indices]:
        for places in chunks(len(self), self.row_shape):
            yield places if self._indices is None else self._indices[places]

    def __len__(self) -> int:
        return len(self._array) if self._indices is None else len(self._indices)

    def fetch(self, indices: Indices) -> Tensor:
        """From the file; bytes of pictures stay bytes."""
        places = indices if self._indices is None else self._indices[indices]
        # Ascending places are read with fewer seeks.
        order = np.argsort(places, kind="stable")
        content = np.empty((len(places), *self._array.shape[1:]), np.uint8 if self._is_bytes else np.float32)
        content[order] = self._array[places[order]]
        numbers = torch.from_numpy(content)
        if self._channels_last:
            numbers = numbers.movedim(-1, 1).contiguous()
        return numbers if self._add_axis is None else numbers.unsqueeze(self._add_axis)

    def take(self, indices: Indices) -> StoredRows:
        """Of the same file."""
        return MappedRows(
            self._path,
            indices=indices if self._indices is None else self._indices[indices],
            channels_last=self._channels_last,
            add_axis=self._add_axis,
        )

    def add_to(self, digest: Digest) -> None:
        """The rows, or of a large file its length and blocks spread over it."""
        digest.update(f"{self._array.dtype} {tuple(self.shape)}".encode())
        if self._indices is not None:
            digest.update(self._indices.tobytes())
        add_file(digest, self._path)

    def __getstate__(self) -> dict[str, Any]:
        return {key: value for key, value in self.__dict__.items() if key != "_array"}

    def __setstate__(self, state: dict[str, Any]) -> None:
        self.__dict__.update(state)
        self._array = open_npy(self._path)


def open_npy(path: Path) -> npt.NDArray[np.generic]:
    """Map a .npy file; Python objects are never read.

    Raises:
        UnreadableArrayError: it is no such file.
        OSError: it cannot be opened.
    """
    return map_array(path)


def chunks(number: int, row_shape: tuple[int, ...]) -> Iterator[Indices]:
    """The places 0..number-1 in parts that fit into memory."""
    size = max(1, _CHUNK // max(1, int(np.prod(row_shape))))
    for start in range(0, number, size):
        yield np.arange(start, min(start + size, number), dtype=np.int64)


def add_file(digest: Digest, path: Path) -> None:
    """Add a file to a fingerprint: all of it, or of a large one its length and blocks spread over it."""
    length = path.stat().st_size
    digest.update(str(length).encode())
    block = _HASHED // _BLOCKS
    with path.open("rb") as file:
        if length <= _HASHED:
            while content := file.read(block):
                digest.update(content)
            return
        for number in range(_BLOCKS):
            file.seek(number * (length - block) // (_BLOCKS - 1))
            digest.update(file.read(block))


def as_floats(numbers: Tensor) -> Tensor:
    """Bytes of pictures as float32 in [0, 1]; other numbers as they are.

    The last thing that is done to a batch, on the device of the model: until there a picture takes a quarter.
    """
    return numbers.float().div_(_BYTE) if numbers.dtype is torch.uint8 else numbers


def read_batch(columns: Mapping[str, Rows], indices: Tensor) -> dict[str, Tensor]:
    """The same examples of several columns, each on the device of its rows.

    Raises:
        DataError: one cannot be read.
    """
    return {name: as_floats(numbers) for name, numbers in fetch_batch(columns, indices).items()}


def fetch_batch(columns: Mapping[str, Rows], indices: Tensor) -> dict[str, Tensor]:
    """A batch in which bytes of pictures are still bytes.

    Columns that are parts of the same items come from one look at each item: a data set that draws at random would give
    every column another draw.
    """
    fetched: dict[object, Any] = {}
    batch: dict[str, Tensor] = {}
    for name, rows in columns.items():
        if isinstance(rows, Tensor):
            batch[name] = rows[indices.to(rows.device)]
            continue
        if rows.origin not in fetched:
            fetched[rows.origin] = rows.fetch(indices.cpu().numpy().astype(np.int64))
        batch[name] = rows.convert(fetched[rows.origin])
    return batch


def take_rows(rows: Rows, indices: Indices) -> Rows:
    """The rows of some places, of a tensor or of what is stored."""
    return rows.take(indices) if isinstance(rows, StoredRows) else rows[torch.from_numpy(indices)]


def has_missing(rows: Rows) -> bool:
    """Whether some example of floats is NaN."""
    if isinstance(rows, StoredRows):
        return rows.has_missing
    return rows.is_floating_point() and bool(rows.isnan().any())


def add_rows(digest: Digest, rows: Rows) -> None:
    """Add rows to a fingerprint."""
    if isinstance(rows, StoredRows):
        rows.add_to(digest)
        return
    digest.update(f"{rows.dtype} {tuple(rows.shape)}".encode())
    digest.update(rows.contiguous().numpy().tobytes())
