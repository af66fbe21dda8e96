import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import settings

# Read by torch when it is first imported: one thread for each of pytest's workers, and sums in one fixed order.
os.environ.setdefault("OMP_NUM_THREADS", "1")

# Examples are the same in every run, so that a failure in CI is a failure at home. No deadline: the first example
# of a test pays for its imports.
settings.register_profile("repeatable", deadline=None, derandomize=True)
settings.load_profile("repeatable")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write what the tests found into the golden files")


@pytest.fixture
def golden(request: pytest.FixtureRequest) -> Callable[[str, Path], None]:
    """Compares a text with a golden file, named relative to the folder of the test."""
    update = request.config.getoption("--update-golden")

    def compare(text: str, name: Path) -> None:
        path = request.path.parent / name
        if update:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
        assert path.is_file(), f"{path} does not exist: run pytest with --update-golden and review the file"
        assert text == path.read_text(encoding="utf-8"), f"{path} differs: --update-golden rewrites it, for review"

    return compare
