"""`mvib estimate` and files whose header lies."""

from pathlib import Path

import pytest

from mvib.cli.main import main


@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("{'descr': '<f8', 'fortran_order': False, 'shape': (10000000000000, 2), }", "more numbers than there is"),
        ("(" * 5000, "holds no array of numbers"),
    ],
    ids=["huge", "brackets"],
)
def test_headers_that_lie_are_refused(
    header: str, message: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    text = header.encode() + b"\n"
    file = tmp_path / "x.npy"
    file.write_bytes(b"\x93NUMPY\x01\x00" + len(text).to_bytes(2, "little") + text)
    assert main(["estimate", "kozachenko_leonenko", "--x", str(file)]) == 2
    assert message in capsys.readouterr().err
