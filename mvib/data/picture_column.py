"""A column of pictures: their common form, which cannot be used, and whether they are kept in memory."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from mvib.data.bad_items import BadItem, BadItems
from mvib.data.errors import DataError
from mvib.data.pictures import (
    Header,
    PictureError,
    PictureForm,
    PictureRows,
    PictureStore,
    decode,
    decode_all,
    in_threads,
    read_header,
)
from mvib.data.rows import ByteRows, Rows

# Decoded pictures of so many bytes are kept in memory; more are decoded when they are asked for.
CACHE_BYTES = 256 << 20
# With the size given, the headers of more pictures than these are not all read before the first step.
_NUM_HEADERS = 50_000
_NUM_NAMED_SIZES = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PictureOptions:
    """What a user says of pictures.

    Attributes:
        size: the shorter side is made so long and the middle cut out; none where all have one size.
        skip: how many bad ones may be left out.
        cache: whether decoded ones are kept in memory; none where their size decides.
        is_joined: whether columns of other files belong to the rows, so that no picture may stand in for another.
    """

    size: int | None = None
    skip: int = 0
    cache: bool | None = None
    is_joined: bool = False


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class PicturePart:
    """The training or the test pictures.

    Attributes:
        store: where they lie.
        groups: the class of each, by which one may stand in for another.
        bad_rows: places of those that are known to be bad, and are not opened.
    """

    store: PictureStore
    groups: npt.NDArray[np.int64]
    bad_rows: frozenset[int] = frozenset()

    @property
    def places(self) -> list[int]:
        """Of those that may be opened."""
        return [place for place in range(len(self.store)) if place not in self.bad_rows]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class ReadPictures:
    """Rows of pictures.

    Attributes:
        rows: of each part.
        bad: places of rows that cannot be used, of each part.
    """

    rows: tuple[Rows, ...]
    bad: tuple[frozenset[int], ...]


def read_pictures(parts: Sequence[PicturePart], options: PictureOptions, *, bad: BadItems, name: str) -> ReadPictures:
    """Rows of all pictures, and which cannot be used as far as that is known before training.

    Args:
        parts: the training pictures, and the test ones where there are.
        options: of the user.
        bad: is told of those that cannot be used.
        name: of the source, for messages.

    Raises:
        DataError: they differ in size and no size is given, or none can be read.
    """
    found: list[dict[int, BadItem]] = [{} for _ in parts]
    form = _find_form(parts, options, found, name)
    num_bytes = sum(len(part.store) for part in parts) * int(np.prod(form.shape))
    is_kept = options.cache if options.cache is not None else num_bytes <= CACHE_BYTES
    rows: list[Rows] = []
    for part, bad_rows in zip(parts, found, strict=True):
        if is_kept:
            pixels, undecodable = decode_all(part.store, form, part.places)
            rows.append(ByteRows(pixels, preparation=form.words))
        else:
            undecodable = _verify(part, form) if options.is_joined else []
            rows.append(
                PictureRows(
                    part.store,
                    form,
                    indices=np.arange(len(part.store), dtype=np.int64),
                    groups=part.groups,
                    bad=bad,
                    stands_in=not options.is_joined,
                )
            )
        for place, item in undecodable:
            bad_rows.setdefault(place, item)
        for _, item in sorted(bad_rows.items()):
            bad.add(item)
    return ReadPictures(rows=tuple(rows), bad=tuple(frozenset(bad_rows) for bad_rows in found))


def _find_form(
    parts: Sequence[PicturePart], options: PictureOptions, found: Sequence[dict[int, BadItem]], name: str
) -> PictureForm:
    headers = [
        (part, place, header) for part, its_parts in enumerate(parts) for place, header in _headers(its_parts, options)
    ]
    good = [header for _, _, header in headers if isinstance(header, Header)]
    for part, place, header in headers:
        if isinstance(header, BadItem):
            found[part][place] = header
    if not good:
        raise DataError(
            f"none of the pictures of {name} can be read",
            "; ".join(str(header) for _, _, header in headers[:3]) or "there are none",
        )
    channels = 1 if all(header.is_grey for header in good) else 3
    if options.size is not None:
        return PictureForm(channels=channels, height=options.size, width=options.size, is_cropped=True)
    sizes = Counter((header.width, header.height) for header in good)
    ((width, height), count), *others = sizes.most_common()
    odd = len(good) - count
    if odd > options.skip:
        listed = ", ".join(f"{n} of {w}x{h}" for (w, h), n in sizes.most_common(_NUM_NAMED_SIZES))
        more = ", and others" if len(others) >= _NUM_NAMED_SIZES else ""
        part, place, _ = next(
            entry
            for entry in headers
            if isinstance(entry[2], Header) and (entry[2].width, entry[2].height) != (width, height)
        )
        raise DataError(
            f"the pictures of {name} differ in size: {listed}{more}; `{parts[part].store.name(place)}` is not of "
            f"{width}x{height}",
            f"choose one: `--image-size {min(width, height)}` makes the shorter side so long and cuts out the middle",
        )
    for part, place, header in headers:
        if isinstance(header, Header) and (header.width, header.height) != (width, height):
            why = f"has {header.width}x{header.height} pixels, and the others have {width}x{height}"
            found[part][place] = BadItem(parts[part].store.name(place), why)
    return PictureForm(channels=channels, height=height, width=width, is_cropped=False)


def _headers(part: PicturePart, options: PictureOptions) -> list[tuple[int, Header | BadItem]]:
    store, places = part.store, part.places
    number = len(places)
    if options.size is not None and number > _NUM_HEADERS and not options.is_joined:
        places = [places[at] for at in sorted(set(np.linspace(0, number - 1, _NUM_HEADERS // 10).astype(int).tolist()))]

    def look(place: int) -> tuple[int, Header | BadItem]:
        try:
            return place, read_header(store, place)
        except PictureError as problem:
            return place, BadItem(store.name(place), str(problem))

    return in_threads(look, places)


def _verify(part: PicturePart, form: PictureForm) -> list[tuple[int, BadItem]]:
    """Decodes every picture once and keeps none."""

    def look(place: int) -> tuple[int, BadItem] | None:
        try:
            decode(part.store, place, form)
        except PictureError as problem:
            return place, BadItem(part.store.name(place), str(problem))
        return None

    return [entry for entry in in_threads(look, part.places) if entry is not None]
