"""A NumPy .npz file as a data source. Pickled objects are never read, so a file cannot run code."""

import lzma
import struct
import zipfile
import zlib
from collections.abc import Sequence
from pathlib import Path

from mvib.data.array_file import ObjectArrayError, UnreadableArrayError, Values, read_array
from mvib.data.arrays import table_from_arrays
from mvib.data.errors import DataError
from mvib.data.plain_file import check_plain
from mvib.data.table import Table

# What an archive may unpack to in any case, and beyond that in how many times its own size.
_MOST_UNPACKED = 1 << 28
_MOST_TIMES = 100
# What reading a damaged archive raises: a password or an unknown way of packing is a RuntimeError.
_BROKEN = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    RuntimeError,
    ValueError,
    LookupError,
)


def load_npz_table(path: Path, *, skip: int = 0) -> Table:
    """Loads all arrays of a .npz file; `mvib.data.arrays.source_from_arrays` says what kind each one is.

    Args:
        path: the file.
        skip: how many examples with numbers that are not finite may be left out.

    Returns:
        The columns, named after the file.

    Raises:
        DataError: the file is missing, is not a .npz file, holds Python objects, or its arrays do not fit together.
    """
    return table_from_arrays(_read_arrays(path), name=f"npz:{path}", skip=skip)


def _read_arrays(path: Path) -> dict[str, Values]:
    remedy = "write the file with `numpy.savez(path, x=images, y=labels)`"
    check_plain(path)
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
            _check_size(members, path)
            return {member.filename.removesuffix(".npy"): _read_array(archive, member, path) for member in members}
    except FileNotFoundError:
        raise DataError(f"there is no file `{path}`", "check the path after `npz:`") from None
    except OSError as problem:
        raise DataError(f"`{path}` cannot be read: {problem.strerror or problem}", remedy) from problem
    except _BROKEN as problem:
        raise DataError(f"`{path}` is not a readable .npz file", remedy) from problem


def _check_size(members: Sequence[zipfile.ZipInfo], path: Path) -> None:
    """Refuse what a small file only claims to hold, before anything is unpacked."""
    size = sum(member.file_size for member in members)
    if size > _MOST_UNPACKED and size > _MOST_TIMES * path.stat().st_size:
        raise DataError(
            f"`{path}` would take {size:,} bytes, more than {_MOST_TIMES} times its own size",
            "if that is so, store it with `numpy.savez`, which does not compress, or as `npy:` files",
        )


def _read_array(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path) -> Values:
    key = member.filename.removesuffix(".npy")
    if key == member.filename:
        raise DataError(
            f"`{path}` holds `{key}`, which is not an array",
            "write the file with `numpy.savez(path, x=images, y=labels)`",
        )
    try:
        with archive.open(member) as stream:
            return read_array(stream, member.file_size)
    except UnreadableArrayError as problem:
        why = " without unpickling Python objects" if isinstance(problem, ObjectArrayError) else f": {problem}"
        raise DataError(
            f"the array `{key}` of `{path}` cannot be read{why}",
            "store it with a numeric dtype, for example `array.astype(numpy.float32)`",
        ) from problem
