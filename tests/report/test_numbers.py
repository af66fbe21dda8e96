"""Whatever numbers stand in the files of a run, the report is made; what is none is left out."""

import json
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from mvib.reading import count_from, number_from, number_or_nan, parse_json
from mvib.report import read_runs, render_page
from mvib.report.markup import number, whole
from mvib.train import FolderError, train_method
from tests.report.test_report import check_page
from tests.train.small import CONTRASTIVE, analysis_of, arrays

LARGEST = 1.7976931348623157e308
FILES = ("summary.json", "config.json", "monitors.jsonl", "metrics.jsonl")
# As they stand in the text: Python's JSON would write some of them otherwise, or not at all.
TEXTS = (
    str(10**400), "9" * 5000, str(-(10**308)), repr(LARGEST), repr(-LARGEST), "5e-324", "NaN", "Infinity", "1e999",
    "-1", "true", "null", '"nan"', "[]", "{}", "[" * 55 + "]" * 55, "[" * 900 + "]" * 900,
)  # fmt: skip
MARK = "\x02"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("numbers") / "run"
    train_method(analysis_of(CONTRASTIVE, {"train.epochs": 2}), data=arrays(), out=path)
    summary = json.loads((path / "summary.json").read_text())
    result = {"probe": "knn", "about": "label", "accuracy": 0.5}
    summary["probes"] = {part: {"results": [result]} for part in ("trained", "untrained")}
    (path / "summary.json").write_text(json.dumps(summary))
    # Its diagram is not asked for, and would take longest.
    (path / "spec.mvib").write_text("nonsense")
    return path


def marked(value: Any) -> Iterator[Any]:
    """The value with each of its parts that is no object or list replaced by a mark, one at a time."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from ({**value, key: other} for other in marked(inner))
    elif isinstance(value, list):
        for place, inner in enumerate(value[:2]):
            yield from ([*value[:place], other, *value[place + 1 :]] for other in marked(inner))
    else:
        yield MARK


def all_marked(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: all_marked(inner) for key, inner in value.items()}
    if isinstance(value, list):
        return [all_marked(inner) for inner in value]
    return MARK


@pytest.mark.parametrize("text", TEXTS, ids=lambda text: text[:8])
@pytest.mark.parametrize("name", FILES)
def test_a_report_is_made_of_any_numbers(folder: Path, tmp_path: Path, name: str, text: str) -> None:
    path = shutil.copytree(folder, tmp_path / "run")
    lines = (folder / name).read_text().splitlines() if name.endswith("l") else [(folder / name).read_text()]
    last = json.loads(lines[-1])
    ones = list(marked(last))
    # Beginning elsewhere with each text, so that together they come by every part.
    for found in [all_marked(last), *ones[TEXTS.index(text) % 8 :: max(8, len(ones) // 6)]]:
        changed = json.dumps(found).replace(json.dumps(MARK), text)
        (path / name).write_text("\n".join([*lines[:-1], changed]))
        try:
            runs = read_runs([path])
        except FolderError:
            assert name == "config.json"
            continue
        check_page(render_page(runs))


def test_what_is_no_number_is_said(folder: Path, tmp_path: Path) -> None:
    path = shutil.copytree(folder, tmp_path / "run")
    (path / "summary.json").write_text('{"seconds": ' + str(10**400) + "}")
    assert any("the number 10000000000000000000... is too large" in note for note in read_runs([path])[0].notes)


def test_json_holds_numbers_that_a_float_holds_and_no_others() -> None:
    assert parse_json("[1, 2.5, -3, null, true]") == [1, 2.5, -3, None, True]
    for text in (str(10**400), "9" * 5000, "1e999"):
        with pytest.raises(ValueError, match="is too large"):
            parse_json(text)
    for text in ("NaN", "Infinity", "-Infinity"):
        with pytest.raises(ValueError, match="is no JSON"):
            parse_json(text)
    for deep in ("[" * 65 + "]" * 65, '{"a":' * 300 + "1" + "}" * 300, "[" * 100_000):
        with pytest.raises(ValueError, match="nested too deeply"):
            parse_json(deep)
    assert parse_json("[" * 64 + "]" * 64)


def test_true_and_digits_in_quotes_are_no_numbers() -> None:
    assert (number_from(2), number_from(-0.5), count_from(3)) == (2.0, -0.5, 3)
    assert number_or_nan(None) != number_or_nan(None)
    none: tuple[Any, ...] = (True, "1", None, [1])
    for value in none:
        with pytest.raises(ValueError, match="is no number"):
            number_from(value)
    for value in (*none, -1, 1.0):
        with pytest.raises(ValueError, match="is no count"):
            count_from(value)


def test_large_numbers_are_shown_short() -> None:
    assert [number(LARGEST), whole(1e300), whole(1234567), whole(None)] == ["1.8e+308", "1e+300", "1,234,567", "–"]
