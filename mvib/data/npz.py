"""A NumPy .npz file as a data source. Pickled objects are never read, so a file cannot run code."""

import zipfile
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from mvib.data.arrays import source_from_arrays
from mvib.data.columns import DataSource
from mvib.data.errors import DataError


def load_npz_source(path: Path) -> DataSource:
    """Loads all arrays of a .npz file; `mvib.data.arrays.source_from_arrays` says what kind each one is.

    Args:
        path: the file.

    Returns:
        The source, named after the file.

    Raises:
        DataError: the file is missing, is not a .npz file, holds Python objects, or its arrays do not fit together.
    """
    return source_from_arrays(_read_arrays(path), name=f"npz:{path}")


def _read_arrays(path: Path) -> dict[str, npt.NDArray[np.generic]]:
    remedy = "write the file with `numpy.savez(path, x=images, y=labels)`"
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.namelist()
        with np.load(path, allow_pickle=False) as archive:
            arrays = {}
            for key in archive.files:
                if f"{key}.npy" not in members:
                    raise DataError(f"`{path}` holds `{key}`, which is not an array", remedy)
                arrays[key] = _read_array(archive, key, path)
            return arrays
    except FileNotFoundError:
        raise DataError(f"there is no file `{path}`", "check the path after `npz:`") from None
    except OSError as problem:
        raise DataError(f"`{path}` cannot be read: {problem.strerror or problem}", remedy) from problem
    except (zipfile.BadZipFile, zlib.error, EOFError) as problem:
        raise DataError(f"`{path}` is not a readable .npz file", remedy) from problem


def _read_array(archive: "np.lib.npyio.NpzFile", key: str, path: Path) -> npt.NDArray[np.generic]:
    try:
        array: npt.NDArray[np.generic] = archive[key]
    except ValueError as problem:
        raise DataError(
            f"the array `{key}` of `{path}` cannot be read without unpickling Python objects",
            "store it with a numeric dtype, for example `array.astype(numpy.float32)`",
        ) from problem
    return array
