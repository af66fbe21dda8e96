"""Arrays in NumPy's format from files that anybody may have written: no pickle, and no more memory than the file has.

NumPy reads the header of a file as Python text, and raises whatever its reader of Python raises; it believes the shape
that a header claims. Here both become one error.
"""

import tokenize
from pathlib import Path
from typing import IO

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.generic]

_OF_HEADERS = (
    ValueError, TypeError, AttributeError, KeyError, IndexError, SyntaxError, EOFError, OverflowError, MemoryError,
    RecursionError, tokenize.TokenError,
)  # fmt: skip


class UnreadableArrayError(Exception):
    """The bytes are no array of numbers; the argument says why."""


class ObjectArrayError(UnreadableArrayError):
    """They are Python objects, which would have to be unpickled."""


def map_array(path: Path) -> Values:
    """Map a .npy file.

    Raises:
        UnreadableArrayError: it is none, is cut short, or holds Python objects.
        OSError: it cannot be opened.
    """
    try:
        # Not `numpy.load`, which takes a pickle for a pickle: this reads the one format.
        return np.lib.format.open_memmap(path, mode="r")
    except _OF_HEADERS as problem:
        raise UnreadableArrayError(_reason(problem)) from problem


def read_array(stream: IO[bytes], size: int) -> Values:
    """Read an array from a stream of a known length.

    Args:
        stream: at its first byte; it can go back to it.
        size: number of bytes to the end.

    Raises:
        UnreadableArrayError: it is none, is cut short, or holds Python objects.
        OSError: it cannot be read.
    """
    try:
        version = np.lib.format.read_magic(stream)
        header = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
        shape, _, dtype = header(stream)
        count = 1
        for length in shape:
            count *= length
        if dtype.hasobject:
            raise ObjectArrayError("it holds Python objects, which would have to be unpickled")
        if min(shape, default=0) < 0 or count * dtype.itemsize != size - stream.tell():
            raise UnreadableArrayError("its header claims another size than the file has")
        stream.seek(0)
        values: Values = np.lib.format.read_array(stream, allow_pickle=False)
        return values
    except _OF_HEADERS as problem:
        raise UnreadableArrayError(_reason(problem)) from problem


def _reason(problem: BaseException) -> str:
    return str(problem).partition("\n")[0][:200] or type(problem).__name__
