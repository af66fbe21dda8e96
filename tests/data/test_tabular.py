"""CSV and parquet: numbers as one vector, one column as label, rows that cannot be used."""

import sys
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow
import pytest
import torch
from pyarrow import parquet

from mvib.data import ColumnKind, DataError, DataSource, load_source


def both(source: DataSource, name: str) -> torch.Tensor:
    return torch.cat((source.columns[name].train[:], source.columns[name].test[:]))


def write(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


def table(*rows: str) -> str:
    return "a,b,species\n" + "".join(f"{row}\n" for row in rows)


GOOD = tuple(f"{n},{n / 4},{'cat' if n % 2 else 'dog'}" for n in range(10))


def test_numbers_are_a_vector_and_the_named_column_the_label(tmp_path: Path) -> None:
    source = load_source(f"csv:{write(tmp_path / 'a.csv', table(*GOOD))},label=species")
    features, label = source.columns["features"], source.columns["species"]
    assert (features.kind, features.shape) == (ColumnKind.VECTOR, (2,))
    assert label.classes == 2
    values = both(source, "features")
    assert torch.equal(values[:, 1], values[:, 0] / 4)
    # The classes are in the order of their names: cat, dog.
    assert torch.equal(both(source, "species"), (values[:, 0] % 2 == 0).long())


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_other_delimiters_and_a_byte_order_mark(tmp_path: Path, delimiter: str) -> None:
    path = tmp_path / "a.csv"
    path.write_text(table(*GOOD).replace(",", delimiter), encoding="utf-8-sig")
    assert load_source(f"csv:{path},label=species").columns["features"].shape == (2,)


def test_labels_that_are_numbers_keep_their_order(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x,y\n" + "".join(f"{n}.5,{(2, 10)[n % 2]}\n" for n in range(10)))
    source = load_source(f"csv:{path},label=y")
    assert torch.equal(both(source, "y"), both(source, "features")[:, 0].floor().long() % 2)


def test_a_test_file_keeps_its_rows(tmp_path: Path) -> None:
    train = write(tmp_path / "train.csv", table(*GOOD))
    test = write(tmp_path / "test.csv", table("7,8,cat"))
    source = load_source(f"csv:{train},label=species,test={test}")
    assert (source.num_train, source.num_test) == (10, 1)
    assert source.columns["features"].test[:].tolist() == [[7.0, 8.0]]
    write(test, "a,c,species\n7,8,cat\n")
    with pytest.raises(DataError, match="other columns"):
        load_source(f"csv:{train},label=species,test={test}")


@pytest.mark.parametrize(
    ("row", "why"),
    [
        ("x,1,cat", r"has 'x' as `a`, which is no finite number"),
        (",1,cat", r"has '' as `a`"),
        ("1,nan,cat", r"has 'nan' as `b`"),
        ("1,1e300,cat", r"has '1e300' as `b`"),
        ("1,2", r"has 2 fields, and there are 3 columns"),
        ("1,2,cat,4", r"has 4 fields"),
        ("1,2,", r"has no `species`"),
        ('1,2,"cat"dog', r"is not a line of fields"),
    ],
)
def test_bad_rows_are_named_by_their_line(tmp_path: Path, row: str, why: str) -> None:
    path = write(tmp_path / "a.csv", table(*GOOD[:4], row, *GOOD[4:]))
    with pytest.raises(DataError, match=rf"a\.csv:6` {why}"):
        load_source(f"csv:{path},label=species")
    source = load_source(f"csv:{path},label=species,skip=1")
    assert sorted(both(source, "features")[:, 0].tolist()) == list(range(10))
    assert len(source.bad) == 1


@pytest.mark.parametrize(
    ("options", "why"),
    [
        ("", r"the column `species` of .* holds no numbers; name it as the label, `,label=species`"),
        (",label=kind", r"has no column `kind`; it has `a`, `b`, `species`"),
        (",drop=z", r"has no column `z`"),
        (",labl=species", r"no option `labl`; did you mean `label`\?"),
        (",label=species,skip=many", r"`skip=many` of `csv` is not a whole number"),
    ],
)
def test_columns_that_are_not_there_are_errors(tmp_path: Path, options: str, why: str) -> None:
    path = write(tmp_path / "a.csv", table(*GOOD))
    with pytest.raises(DataError, match=why):
        load_source(f"csv:{path}{options}")


def test_columns_may_be_left_out(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", table(*GOOD))
    assert load_source(f"csv:{path},drop=species+a").columns["features"].shape == (1,)


def test_files_that_are_no_table_are_errors(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="there is no file"):
        load_source(f"csv:{tmp_path / 'none.csv'}")
    with pytest.raises(DataError, match="no line of names"):
        load_source(f"csv:{write(tmp_path / 'a.csv', '')}")
    with pytest.raises(DataError, match="two columns `a`"):
        load_source(f"csv:{write(tmp_path / 'a.csv', 'a,a')}")
    (tmp_path / "a.csv").write_bytes(b"a,b\n\xff\xfe\n")
    with pytest.raises(DataError, match="not UTF-8"):
        load_source(f"csv:{tmp_path / 'a.csv'}")
    with pytest.raises(DataError, match=r"write `csv:x\.csv`"):
        load_source("x.csv")


def test_parquet_without_its_package_says_what_to_install(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(DataError, match=r"needs the package `pyarrow`.*pip install 'pyarrow>=14\.0\.1'"):
        load_source(f"parquet:{tmp_path}")


def write_parquet(path: Path, content: dict[str, Any]) -> Path:
    parquet.write_table(pyarrow.table(content), path)
    return path


def test_parquet_columns(tmp_path: Path) -> None:
    path = tmp_path / "a.parquet"
    content: dict[str, list[Any]] = {
        "a": [*range(10)],
        "wide": [[float(n), 2.0 * n] for n in range(10)],
        "y": ["cat", "dog"] * 5,
    }
    source = load_source(f"parquet:{write_parquet(path, content)},label=y")
    values = both(source, "features")
    assert torch.equal(values, values[:, :1] * torch.tensor([1.0, 1.0, 2.0]))
    assert torch.equal(both(source, "y"), values[:, 0].long() % 2)
    content["a"][3], content["y"][4], content["wide"][5], content["wide"][6] = None, None, [1.0], None
    write_parquet(path, content)
    with pytest.raises(DataError, match=r"4 items .*row 3` has a null.*row 5` .*row 6` has a null"):
        load_source(f"parquet:{path},label=y")
    rest = both(load_source(f"parquet:{path},label=y,skip=4"), "features")
    assert sorted(rest.tolist()) == [[n, n, 2 * n] for n in (0, 1, 2, 7, 8, 9)]
    with pytest.raises(DataError, match=r"the column `y` of .* holds no numbers"):
        load_source(f"parquet:{path}")
    path.write_bytes(path.read_bytes()[:50])
    with pytest.raises(DataError, match="cannot be read as parquet"):
        load_source(f"parquet:{path},label=y")


def test_kinds_of_parquet_columns(tmp_path: Path) -> None:
    numbers = np.arange(10)
    content = {
        "": numbers,
        "flag": numbers % 2 == 0,
        "half": numbers.astype(np.float16),
        "fixed": pyarrow.FixedSizeListArray.from_arrays(pyarrow.array(np.arange(20.0)), 2),
        "none": pyarrow.array([None, *range(1, 10)]),
    }
    source = load_source(f"parquet:{write_parquet(tmp_path / 'a.parquet', content)},skip=1")
    assert "row" in source.notes[0]
    rows = sorted(both(source, "features").tolist(), key=lambda row: row[1])
    assert rows == [[float(n % 2 == 0), n, 2 * n, 2 * n + 1, n] for n in range(1, 10)]


def test_a_pyarrow_that_unpickles_is_refused(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(pyarrow, "__version__", "14.0.0")
    with pytest.raises(DataError, match=r"14\.0\.1 or newer, and 14\.0\.0 is installed"):
        load_source(f"parquet:{tmp_path}")


STRAY = [*GOOD[:3], '"3,0.75,cat', *GOOD[4:7], '7,1.75,"dog"', *GOOD[8:]]


@pytest.mark.parametrize("rows", [STRAY, [*GOOD[:3], '"3,0.75,cat', *GOOD[4:]]])
def test_a_stray_quote_loses_no_row_silently(tmp_path: Path, rows: list[str]) -> None:
    path = write(tmp_path / "a.csv", table(*rows))
    with pytest.raises(DataError, match=r"\d+ items of the data .*a.csv:5"):
        load_source(f"csv:{path},label=species,skip=1")
    source = load_source(f"csv:{path},label=species,skip=9")
    kept = source.num_train + source.num_test
    assert kept + len(source.bad) == len(GOOD)
    values = both(source, "features")
    assert torch.equal(values[:, 1], values[:, 0] / 4)


def test_quotes_in_a_column_that_is_left_out_lose_no_row_either(tmp_path: Path) -> None:
    rows = [f'{n},"pipe of 3,{n}' if n == 5 else f'{n},6",{n}' if n == 40 else f"{n},text,{n}" for n in range(50)]
    path = write(tmp_path / "a.csv", "x,note,y\n" + "\n".join(rows))
    with pytest.raises(DataError, match=r"36 items .*a.csv:7"):
        load_source(f"csv:{path},drop=note,skip=35")


def test_a_text_over_several_lines_may_be_left_out(tmp_path: Path) -> None:
    rows = [f'{n},"one\ntwo, ""three""",{n % 2}' for n in range(10)]
    path = write(tmp_path / "a.csv", "a,text,y\n" + "\n".join(rows))
    with pytest.raises(DataError, match=r"20 items .*`,multiline=yes` where"):
        load_source(f"csv:{path},label=y,drop=text")
    source = load_source(f"csv:{path},label=y,drop=text,multiline=yes")
    assert sorted(both(source, "features")[:, 0].tolist()) == list(range(10))
    with pytest.raises(DataError, match="within quotes"):
        load_source(f"csv:{path},label=text,drop=y,multiline=yes")


def test_classes_of_bad_rows_alone_are_none(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", table(*GOOD, "x,1,eel", "1,x,ant"))
    label = load_source(f"csv:{path},label=species,skip=2").columns["species"]
    assert (label.classes, label.class_names) == (2, ("cat", "dog"))
    assert set(torch.cat((label.train[:], label.test[:])).tolist()) == {0, 1}
    # Nor is a class of a bad test row one that training lacks.
    test = write(tmp_path / "test.csv", table(*GOOD, "x,1,eel"))
    assert load_source(f"csv:{path},label=species,skip=3,test={test}").columns["species"].classes == 2


def test_row_numbers_without_a_name_are_no_numbers(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", ",a,y\n" + "".join(f"{n},{n * 2},{n % 2}\n" for n in range(10)))
    source = load_source(f"csv:{path},label=y")
    assert source.columns["features"].shape == (1,)
    assert "has no name" in source.notes[0]
    write(path, "a,,y\n1,2,0\n2,3,1\n")
    with pytest.raises(DataError, match=r"column 2 of .* has no name"):
        load_source(f"csv:{path},label=y")


@pytest.mark.parametrize("field", ["1_5", "１５", "0x10", "", "1 5"])
def test_what_only_python_takes_for_a_number_is_none(tmp_path: Path, field: str) -> None:
    path = write(tmp_path / "a.csv", table(*GOOD, f"{field},1,cat"))
    with pytest.raises(DataError, match=r"a.csv:12.*no finite number"):
        load_source(f"csv:{path},label=species")


def test_labels_that_are_written_otherwise_are_other_labels(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x,y\n" + "".join(f"{n},{('01', '1', '2')[n % 3]}\n" for n in range(12)))
    assert load_source(f"csv:{path},label=y").columns["y"].class_names == ("01", "1", "2")


def test_a_negative_number_in_a_file_is_a_class(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x,y\n" + "".join(f"{n},{n % 3 - 1}\n" for n in range(12)))
    source = load_source(f"csv:{path},label=y")
    assert source.columns["y"].class_names == ("-1", "0", "1")
    assert torch.equal(both(source, "y"), both(source, "features")[:, 0].long() % 3)


def test_an_empty_line_of_a_table_of_one_column_is_a_row(tmp_path: Path) -> None:
    path = write(tmp_path / "a.csv", "x\n1\n\n2\n3\n\n")
    with pytest.raises(DataError, match=r"1 item .*a.csv:3` is empty"):
        load_source(f"csv:{path}")
    source = load_source(f"csv:{path},skip=1")
    assert sorted(both(source, "features").flatten().tolist()) == [1.0, 2.0, 3.0]


def test_a_missing_label_of_parquet_is_none(tmp_path: Path) -> None:
    content = {
        "a": [float(n) for n in range(10)],
        "y": [float(n % 2) for n in range(9)] + [float("nan")],
        "__index_level_0__": list(range(10)),
    }
    write_parquet(tmp_path / "a.parquet", content)
    with pytest.raises(DataError, match=r"row 9` has no `y`"):
        load_source(f"parquet:{tmp_path / 'a.parquet'},label=y")
    source = load_source(f"parquet:{tmp_path / 'a.parquet'},label=y,skip=1")
    assert source.columns["y"].class_names == ("0", "1")
    assert source.columns["features"].shape == (1,)


def test_empty_lines_before_the_names_are_nothing(tmp_path: Path) -> None:
    for names, row in (("a", "{}"), ("a,b", "{},1")):
        path = tmp_path / "table.csv"
        path.write_text("\n\n" + "\n".join([names, *(row.format(n) for n in range(10))]) + "\n")
        assert load_source(f"csv:{path}").num_train == 8


def test_a_label_with_a_control_character_is_bad(tmp_path: Path) -> None:
    rows = [*(f"{n},{'ab'[n % 2]}" for n in range(10)), "10,\0", "11,a\x1b[2J"]
    (tmp_path / "table.csv").write_text("\n".join(["x,y", *rows]))
    with pytest.raises(DataError, match=r"table\.csv:12` has a control character in `y`"):
        load_source(f"csv:{tmp_path}/table.csv,label=y")
    source = load_source(f"csv:{tmp_path}/table.csv,label=y,skip=2")
    assert source.columns["y"].class_names == ("a", "b")


def test_labels_of_parquet_are_words(tmp_path: Path) -> None:

    def write(labels: list[object]) -> str:
        rows = {"x": list(map(float, range(len(labels)))), "y": labels}
        parquet.write_table(pyarrow.table(rows), tmp_path / "table.parquet")
        return f"parquet:{tmp_path}/table.parquet,label=y"

    assert load_source(write([b"a", b"b"] * 5)).columns["y"].class_names == ("a", "b")
    assert load_source(write([1e300, 2.0] * 5)).columns["y"].class_names == ("1e+300", "2")
    with pytest.raises(DataError, match="has no `y`"):
        load_source(write([float("inf"), 2.0] * 5))
    with pytest.raises(DataError, match="has a control character in `y`"):
        load_source(write(["a", "b\0"] * 5))
    with pytest.raises(DataError, match=r"`y` of .* holds `list<.*>`, which is no label"):
        load_source(write([[1], [2]] * 5))


def test_a_parquet_column_of_empty_lists_holds_no_numbers(tmp_path: Path) -> None:
    lists = pyarrow.array([[]] * 10, pyarrow.list_(pyarrow.float32()))
    parquet.write_table(pyarrow.table({"x": lists, "z": [1.0] * 10}), tmp_path / "table.parquet")
    with pytest.raises(DataError, match=r"the column `x` of .* holds no numbers"):
        load_source(f"parquet:{tmp_path}/table.parquet")
