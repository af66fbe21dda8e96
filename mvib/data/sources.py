"""The data sources that a spec or a command may name."""

import difflib
from pathlib import Path

from mvib.data.columns import DataSource
from mvib.data.digits import load_digit_halves_source, load_digits_source
from mvib.data.errors import DataError
from mvib.data.npz import load_npz_source

_NAMED = {"digits": load_digits_source, "digits-halves": load_digit_halves_source}
_FILE_PREFIX = "npz:"


def load_source(text: str) -> DataSource:
    """Loads the data source that a text names: `digits`, `digits-halves`, or `npz:PATH` for a NumPy file.

    Args:
        text: the value of `train.data` or of `--data`.

    Returns:
        The source, with a fixed split into training and test examples.

    Raises:
        DataError: there is no such source, or its file cannot be used.
    """
    if text.startswith(_FILE_PREFIX):
        return load_npz_source(Path(text.removeprefix(_FILE_PREFIX)).expanduser())
    if text in _NAMED:
        return _NAMED[text]()
    if text.endswith(".npz"):
        raise DataError(f"there is no data source `{text}`", f"write `{_FILE_PREFIX}{text}` for a file")
    near = difflib.get_close_matches(text, _NAMED, n=1)
    known = ", ".join([*(f"`{name}`" for name in _NAMED), f"`{_FILE_PREFIX}PATH`"])
    hint = f"did you mean `{near[0]}`? " if near else ""
    raise DataError(f"there is no data source `{text}`", f"{hint}there are {known}")
