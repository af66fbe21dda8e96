"""Pictures of image files: what a header says, pixels as bytes, and rows that are decoded when they are asked for.

Only formats that hold pixels are opened (PostScript, which runs programs, is not among them), and none with more pixels
than PIL's limit for decompression bombs.
"""

import io
import os
import struct
import threading
import warnings
import zlib
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import BinaryIO, TypeVar

import numpy as np
import torch
from PIL import Image, UnidentifiedImageError
from torch import Tensor
from torch.utils.data import get_worker_info

from mvib.data.bad_items import BadItem, BadItems
from mvib.data.errors import DataError
from mvib.data.rows import Digest, Indices, StoredRows

FORMATS = ("JPEG", "PNG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = frozenset(
    (".jpg", ".jpeg", ".png", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm", ".pbm", ".pnm")
)
_GREY = frozenset(("1", "L", "LA", "I", "I;16", "I;16B", "I;16L", "F"))
_DEEP = frozenset(("I", "I;16", "I;16B", "I;16L"))
# Formats in which PIL's mode of 32 bits holds numbers of 16.
_SIXTEEN_BITS = frozenset(("PNG", "PPM"))
# What PIL raises for files that are not what they seem to be.
_UNREADABLE = (
    OSError,
    EOFError,
    SyntaxError,
    ValueError,
    TypeError,
    LookupError,
    ArithmeticError,
    AttributeError,
    NotImplementedError,
    RuntimeError,
    MemoryError,
    struct.error,
    zlib.error,
    Image.DecompressionBombError,
    Image.DecompressionBombWarning,
)
# One wrong file is stood in for by another of its group; so many in a row mean that something else is wrong.
_TRIES = 100

Item = TypeVar("Item")
Result = TypeVar("Result")


class PictureError(Exception):
    """A picture cannot be used; the message says why, as the end of a sentence."""


@dataclass(frozen=True, slots=True)
class Header:
    """What an image file says before its pixels are read.

    Attributes:
        width: in pixels.
        height: in pixels.
        is_grey: whether it has one channel.
    """

    width: int
    height: int
    is_grey: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureForm:
    """What every picture of a column is made into.

    Attributes:
        channels: 1 for grey, 3 for colour.
        height: in pixels.
        width: in pixels.
        is_cropped: whether the shorter side is made `height` and the middle is cut out; otherwise all have this size.
    """

    channels: int
    height: int
    width: int
    is_cropped: bool

    @property
    def shape(self) -> tuple[int, int, int]:
        """Channels, height, width."""
        return self.channels, self.height, self.width

    @property
    def words(self) -> str:
        """How a picture is made into it, for who has to do the same elsewhere."""
        size = f"{self.width}x{self.height} pixels"
        if self.is_cropped:
            size = f"scaled (bilinear) until it just covers {size}, and the middle of that size cut out"
        return f"{'grey' if self.channels == 1 else 'RGB'}, {size}, bytes divided by 255"


class PictureStore(ABC):
    """Where encoded pictures lie."""

    @abstractmethod
    def __len__(self) -> int: ...

    @abstractmethod
    def name(self, place: int) -> str:
        """How messages call one."""

    @abstractmethod
    def open(self, place: int) -> BinaryIO:
        """The encoded bytes of one.

        Raises:
            PictureError: it may not be opened.
            OSError: it cannot be read.
        """

    @abstractmethod
    def identity(self, place: int) -> str:
        """A line that tells one from another without reading it all: a name and a length."""


@contextmanager
def bombs_refused() -> Iterator[None]:
    """Turn PIL's warning of too many pixels into an error; around the threads that decode, not inside them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        warnings.simplefilter("error", Image.DecompressionBombWarning)
        yield


def read_header(store: PictureStore, place: int) -> Header:
    """What the header of a picture says.

    Raises:
        PictureError: it is no picture, or has too many pixels.
    """
    with _opened(store, place) as image:
        return Header(width=image.width, height=image.height, is_grey=image.mode in _GREY)


def decode(store: PictureStore, place: int, form: PictureForm) -> Tensor:
    """The pixels of a picture, uint8, (channels, height, width).

    Raises:
        PictureError: it cannot be decoded, or has another size than the others.
    """
    with _opened(store, place) as image:
        if not form.is_cropped and image.size != (form.width, form.height):
            size = f"{image.width}x{image.height}"
            raise PictureError(f"has {size} pixels, and the others have {form.width}x{form.height}")
        mode = "L" if form.channels == 1 else "RGB"
        if form.is_cropped:
            # A JPEG is decoded at an eighth, a quarter or a half where that is still large enough.
            image.draft(mode, (form.width, form.height))
        ready = image if image.mode == mode else _convert(image, mode)
        if form.is_cropped:
            ready = _crop(ready, form)
        pixels = np.array(ready, dtype=np.uint8)
    if form.channels == 1:
        return torch.from_numpy(pixels[None])
    return torch.from_numpy(np.ascontiguousarray(pixels.transpose(2, 0, 1)))


@contextmanager
def _opened(store: PictureStore, place: int) -> Iterator[Image.Image]:
    try:
        with store.open(place) as file:
            if not file.read(1):
                raise PictureError("is empty")
            file.seek(0)
            with Image.open(file, formats=FORMATS) as image:
                yield image
    except UnidentifiedImageError:
        raise PictureError("is no picture in a format that is read") from None
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise PictureError(f"has more than {Image.MAX_IMAGE_PIXELS:,} pixels") from None
    except _UNREADABLE as problem:
        if isinstance(problem, OSError) and problem.strerror:
            raise PictureError(f"cannot be read: {problem.strerror}") from problem
        raise PictureError(f"is damaged: {problem}") from problem


def _convert(image: Image.Image, mode: str) -> Image.Image:
    if image.mode == "F" or (image.mode == "I" and image.format not in _SIXTEEN_BITS):
        # Any range may be meant; to clip it at 255 makes most such pictures black or white.
        kind = "floating-point numbers" if image.mode == "F" else "32-bit numbers"
        raise PictureError(f"holds {kind}, whose range is not known: store 8 or 16 bits, or arrays for `npy:`")
    if image.mode in _DEEP:
        # PIL would clip 16 bits at 255.
        deep = np.asarray(image).astype(np.float64)
        image = Image.fromarray((deep / 257.0).clip(0, 255).round().astype(np.uint8))
    return image.convert(mode)


def _crop(image: Image.Image, form: PictureForm) -> Image.Image:
    scale = max(form.width / image.width, form.height / image.height)
    # The box of the original that the middle of the scaled picture is.
    width, height = min(form.width / scale, image.width), min(form.height / scale, image.height)
    left, top = (image.width - width) / 2, (image.height - height) / 2
    return image.resize(
        (form.width, form.height), Image.Resampling.BILINEAR, box=(left, top, left + width, top + height)
    )


def in_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> list[Result]:
    """The results of a function in the order of the items; PIL lets threads decode at the same time."""
    with bombs_refused():
        if len(items) < 8 or get_worker_info() is not None:
            return [function(item) for item in items]
        with ThreadPoolExecutor(num_cores()) as pool:
            return list(pool.map(function, items))


def num_cores() -> int:
    """Cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


class PictureRows(StoredRows):
    """Pictures that are decoded when they are asked for, in [0, 1].

    One that cannot be decoded is stood in for by the next of its group, always the same one, so that a batch keeps its
    size, a label keeps its picture and a run that goes on has the same bits; it is reported and counted.
    """

    def __init__(
        self,
        store: PictureStore,
        form: PictureForm,
        *,
        indices: Indices,
        groups: Indices,
        bad: BadItems,
        stands_in: bool = True,
    ) -> None:
        """Rows of a store.

        Args:
            store: the pictures.
            form: what they become.
            indices: places in the store, one a row.
            groups: of the rows, within which one stands in for another: their labels.
            bad: is told of pictures that cannot be decoded, and holds the limit.
            stands_in: whether another may; not where other columns belong to the rows.
        """
        assert len(indices) == len(groups)
        self._store = store
        self._form = form
        self._indices = indices
        self._groups = groups
        self._bad = bad
        self._stands_in = stands_in
        self._met: list[BadItem] = []
        self._stood_in: set[int] = set()

    @property
    def row_shape(self) -> tuple[int, ...]:
        """Channels, height, width."""
        return self._form.shape

    @property
    def preparation(self) -> str:
        """That of the form."""
        return self._form.words

    @property
    def is_slow(self) -> bool:
        """Decoding is."""
        return True

    def __len__(self) -> int:
        return len(self._indices)

    def fetch(self, indices: Indices) -> Tensor:
        """Decoded, bytes.

        Raises:
            DataError: there are more bad ones than may be left out, or no other of the group can be read either.
        """
        pixels = torch.empty((len(indices), *self.row_shape), dtype=torch.uint8)
        places: list[tuple[int, int]] = list(enumerate(indices.tolist()))

        def fill(place: tuple[int, int]) -> None:
            pixels[place[0]] = self._decode_or_stand_in(place[1])

        in_threads(fill, places)
        return pixels

    def take_met(self) -> tuple[BadItem, ...]:
        """Bad pictures that a loading process has met since the last call."""
        met, self._met = tuple(self._met), []
        return met

    @property
    def stood_in(self) -> frozenset[int]:
        """Those whose picture could not be decoded when it was last asked for."""
        return frozenset(self._stood_in)

    def _decode_or_stand_in(self, row: int) -> Tensor:
        number = len(self._indices)
        others = ((row + step) % number for step in range(number if self._stands_in else 1))
        same = (other for other in others if self._groups[other] == self._groups[row])
        for _, other in zip(range(_TRIES), same, strict=False):
            place = int(self._indices[other])
            try:
                pixels = decode(self._store, place, self._form)
            except PictureError as problem:
                self._report(BadItem(self._store.name(place), str(problem)))
                self._stood_in.add(row)
                continue
            if other == row:
                # A file that could not be read for a while is itself again.
                self._stood_in.discard(row)
            return pixels
        raise DataError(
            f"`{self._store.name(int(self._indices[row]))}` can no longer be read, and nothing can stand in for it",
            "mend the file, or remove it and begin another run",
        )

    def _report(self, item: BadItem) -> None:
        if get_worker_info() is not None:
            # This copy of the list is the worker's own: the parent is told with the batch.
            self._met.append(item)
            return
        self._bad.add(item)
        self._bad.check()

    def take(self, indices: Indices) -> StoredRows:
        """Of the same store."""
        return PictureRows(
            self._store,
            self._form,
            indices=self._indices[indices],
            groups=self._groups[indices],
            bad=self._bad,
            stands_in=self._stands_in,
        )

    def add_to(self, digest: Digest) -> None:
        """Names and lengths of the files, and what they are made into."""
        digest.update(str(self._form).encode())
        digest.update(self._groups.tobytes())
        for place in self._indices.tolist():
            digest.update(self._store.identity(place).encode(errors="surrogateescape"))
            digest.update(b"\n")


def decode_all(
    store: PictureStore, form: PictureForm, places: Sequence[int]
) -> tuple[Tensor, list[tuple[int, BadItem]]]:
    """Decodes pictures into memory.

    Args:
        store: of pictures.
        form: what they become.
        places: of those to decode.

    Returns:
        Bytes (N, channels, height, width) of all pictures of the store, black where one is bad or not asked for; and
        the bad ones by their place.
    """
    pixels = torch.zeros((len(store), *form.shape), dtype=torch.uint8)
    bad: list[tuple[int, BadItem]] = []
    lock = threading.Lock()

    def fill(place: int) -> None:
        try:
            pixels[place] = decode(store, place, form)
        except PictureError as problem:
            with lock:
                bad.append((place, BadItem(store.name(place), str(problem))))

    in_threads(fill, places)
    return pixels, sorted(bad, key=lambda pair: pair[0])


class BytesStore(PictureStore):
    """Encoded pictures in memory; for what comes from a stream."""

    def __init__(self, contents: Sequence[bytes], names: Sequence[str]) -> None:
        """Args: contents: encoded; names: for messages."""
        self._contents = contents
        self._names = names

    def __len__(self) -> int:
        return len(self._contents)

    def name(self, place: int) -> str:
        """As given."""
        return self._names[place]

    def open(self, place: int) -> BinaryIO:
        """From memory."""
        return io.BytesIO(self._contents[place])

    def identity(self, place: int) -> str:
        """Name and a checksum."""
        return f"{self._names[place]} {zlib.crc32(self._contents[place])}"
