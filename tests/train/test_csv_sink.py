"""The table of the CSV sink: gone on with where it is whole, refused in words where it is not, and never lost."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from mvib.train import FolderError
from mvib.train.monitors.sinks import open_sinks

HEAD = b"step,name,value\r\n"


def test_a_table_goes_on_after_the_step_of_the_checkpoint(tmp_path: Path) -> None:
    (sink,) = open_sinks(("csv",), tmp_path)
    sink.begin(0)
    for step in (1, 2, 3):
        sink.write(step, {'a "b", c': step / 2, "not a number": float("nan")})
    (again,) = open_sinks(("csv",), tmp_path)
    again.begin(2)
    again.write(3, {"a": -1e-300})
    again.close()
    assert (tmp_path / "scalars.csv").read_text().splitlines() == [
        "step,name,value",
        '1,"a ""b"", c",0.5',
        "1,not a number,nan",
        '2,"a ""b"", c",1.0',
        "2,not a number,nan",
        "3,a,-1e-300",
    ]


def test_an_empty_file_is_a_table_without_rows(tmp_path: Path) -> None:
    (tmp_path / "scalars.csv").touch()
    (sink,) = open_sinks(("csv",), tmp_path)
    sink.begin(0)
    assert (tmp_path / "scalars.csv").read_bytes() == HEAD


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"\xff\xfe\x00", "it is no text in UTF-8"),
        (HEAD + b"1,a\x00b,2\r\n", "row 2 does not hold a step"),
        (b"when,what\r\n1,2\r\n", "its first line is not `step,name,value`"),
        (HEAD + b"1,loss,0.5\r\n2,loss\r\n", "row 3 has 2 fields, and not 3"),
        (HEAD + b"one,loss,0.5\r\n", "row 2 does not hold a step"),
        (HEAD + b"-1,loss,0.5\r\n", "row 2 does not hold a step"),
        ("\u0661,loss,0.5\r\n".encode().join([HEAD, b""]), "row 2 does not hold a step"),
        (HEAD + b"9" * 5000 + b",loss,0.5\r\n", "row 2 does not hold a step"),
        (HEAD + b"1,loss,much\r\n", "row 2 does not hold a step"),
        (HEAD + b"1," + b"x" * 200_000 + b",1\r\n", "field larger than field limit"),
        (HEAD + b'1,"loss,1\r\n', "unexpected end of data"),
    ],
    ids=lambda value: value if isinstance(value, str) else None,
)
def test_a_damaged_table_is_refused_and_kept(tmp_path: Path, content: bytes, why: str) -> None:
    (tmp_path / "scalars.csv").write_bytes(content)
    (sink,) = open_sinks(("csv",), tmp_path)
    with pytest.raises(FolderError, match=rf"scalars.csv` cannot be gone on with: .*{why}.*; move it away"):
        sink.begin(3)
    assert (tmp_path / "scalars.csv").read_bytes() == content


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda path: path.mkdir(), "it is a folder"),
        (lambda path: path.symlink_to(path.parent), "it is a link"),
        (lambda path: path.symlink_to("nowhere"), "it is a link"),
        pytest.param(
            lambda path: os.mkfifo(path),
            "it is no file",
            marks=pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes"),
        ),
    ],
    ids=["folder", "link", "broken link", "pipe"],
)
def test_what_is_no_file_is_refused(tmp_path: Path, make: Callable[[Path], None], why: str) -> None:
    make(tmp_path / "scalars.csv")
    (sink,) = open_sinks(("csv",), tmp_path)
    with pytest.raises(FolderError, match=why):
        sink.begin(0)
