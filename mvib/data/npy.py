"""NumPy .npy files as a data source, one a column: mapped, so that data larger than memory can be trained on."""

from collections.abc import Mapping
from pathlib import Path

from mvib.data.array_file import UnreadableArrayError
from mvib.data.arrays import StoredArray, table_from_arrays
from mvib.data.errors import DataError
from mvib.data.plain_file import check_plain
from mvib.data.rows import open_npy
from mvib.data.table import Table


def load_npy_table(paths: Mapping[str, str], *, skip: int = 0) -> Table:
    """Maps arrays of files; `mvib.data.arrays.source_from_arrays` says what kind each one is.

    Labels are read into memory. Floats are gone through once for values that are not finite.

    Args:
        paths: by name; NAME, or NAME_train and NAME_test.
        skip: how many examples with numbers that are not finite may be left out.

    Raises:
        DataError: a file is missing, is not a .npy file, holds Python objects, or the arrays do not fit together.
    """
    arrays = {name: _open(Path(path).expanduser()) for name, path in paths.items()}
    listed = ",".join(f"{name}={path}" for name, path in paths.items())
    return table_from_arrays(arrays, name=f"npy:{listed}", skip=skip)


def _open(path: Path) -> StoredArray:
    remedy = "write the file with `numpy.save(path, array)`, of a numeric dtype"
    check_plain(path)
    try:
        return StoredArray(array=open_npy(path), path=path.resolve())
    except FileNotFoundError:
        raise DataError(f"there is no file `{path}`", "check the path after `npy:NAME=`") from None
    except OSError as problem:
        raise DataError(f"`{path}` cannot be read: {problem.strerror or problem}", remedy) from problem
    except UnreadableArrayError as problem:
        # Python objects, a file cut short, a header that is none.
        raise DataError(f"`{path}` is not a readable .npy file of numbers: {problem}", remedy) from problem
