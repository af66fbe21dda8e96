"""A small file cannot keep the machine busy or take its memory: each limit has its message."""

import os
import stat
import zipfile
from pathlib import Path

import numpy as np
import pytest

from mvib.data import DataError
from mvib.data.sources import load_source
from mvib.driver import SpecNotFoundError, analyse, read_source
from mvib.semantics.facts import MAX_FACTS, MAX_TERMS
from mvib.semantics.order import MAX_CHAIN
from mvib.source import SourceFile
from mvib.syntax.parser import MAX_CHARACTERS, MAX_NAME, MAX_STATEMENTS
from tests.bounded import within_cpu_seconds

# Of computing; each of these takes a few seconds at most.
SECONDS = 60.0
HEAD = "method M\ndata X: image\nview X[i: 1..2] ~ augment(X)\nencoder f: X[i] -> Z[i] = mlp(4)\n"
TAIL = "maximize I(Z[1]; Z[2]) by infonce()\nrepresent Z\n"


def families(size: int, other: str = "") -> str:
    return HEAD.replace("1..2", f"1..{size}") + TAIL + other


def made_of(depth: int) -> str:
    """Codes that two encoders each make of both codes before: as many paths as two to the depth."""
    lines = ["method M", "data X: image", "encoder f0: X -> Z0 = mlp(4)", "encoder g0: X -> W0 = mlp(4)"]
    for k in range(1, depth):
        lines += [f"encoder {f}{k}: (Z{k - 1}, W{k - 1}) -> {name}{k} = mlp(4)" for f, name in (("f", "Z"), ("g", "W"))]
    return "\n".join([*lines, f"maximize I(Z{depth - 1}; W{depth - 1}) by infonce()", "represent Z0"])


LIMITS = {
    "file": ("#" * (MAX_CHARACTERS + 1), "too-large", f"the file has more than {MAX_CHARACTERS:,} characters"),
    "statements": (
        HEAD + TAIL + "param a = 1\n" * MAX_STATEMENTS,
        "too-large",
        f"the file has more than {MAX_STATEMENTS} statements",
    ),
    "name": (f"method {'M' * (MAX_NAME + 1)}\n", "too-large", f"a name has more than {MAX_NAME} characters"),
    "brackets": (HEAD + "param a = " + "(" * 5000, "too-large", "brackets are nested more than 40 deep"),
    "minuses": (HEAD + "param a = " + "-" * 5000 + "1", "too-large", "more than 100 operators in one expression"),
    "range": (families(10**9), "range-too-large", "the range 1..1000000000 has over a billion members"),
    "range with an exponent": (HEAD.replace("1..2", "1..10e9"), "range-too-large", "1..10000000000"),
    "combinations": (
        families(100, "maximize mean(i, j) I(Z[i]; Z[j]) by infonce()\n"),
        "range-too-large",
        "10000 combinations of values",
    ),
    "members in all": (
        families(64, "maximize mean(i != j) I(Z[i]; Z[j]) by infonce()\n" * 50),
        "too-large",
        "the families of this spec have too many members",
    ),
    "families in all": (
        "method M\ndata X: image\n" + "".join(f"view V{k}[i: 1..1024] ~ augment(X)\n" for k in range(50)),
        "too-large",
        "the families of this spec have too many members",
    ),
    "ranges inside": (
        families(1000, "claim H(Z[1..1000]) <= H(X)\n" * 30),
        "too-large",
        "the families of this spec have too many members",
    ),
    "chain": (
        "method M\ndata X: image\nencoder f0: X -> Z0 = mlp(4)\n"
        + "".join(f"encoder f{k}: Z{k - 1} -> Z{k} = mlp(4)\n" for k in range(1, 2 * MAX_CHAIN))
        + "maximize H(Z1) by variance_covariance()\n",
        "too-large",
        "this is made of variables that are made of variables",
    ),
    "assumptions": (families(16, "assume I(Z[i]; Z[j] | X[k]) <= eps\n"), "too-large", "there is too much to assume"),
    "claims": (families(64, "claim I(Z[i]; Z[j]) >= H(X)\n"), "too-large", "there is too much to prove"),
    "quantities of a claim": (
        families(60, "claim sum(i != j) I(Z[i]; Z[j]) <= 1\n"),
        "too-large",
        "too many quantities in one relation",
    ),
    "coefficient": (
        HEAD + TAIL + "claim 1e999999999 * H(X) <= 1\n",
        "not-finite",
        "this does not give a finite number",
    ),
    "product": (
        HEAD + TAIL + "claim 1e300*1e300*1e300*H(X) <= 1e-300/1e300\n",
        "too-large",
        "the numbers of this relation are too far apart",
    ),
    "fraction": (
        HEAD + TAIL + f"claim {'/'.join(['7e299'] * 90)}*H(X) <= 1\n",
        "too-large",
        "the numbers of this relation are too far apart",
    ),
    "weight": (HEAD + "maximize 1e999999 * I(Z[1]; Z[2]) by infonce()\n", "not-finite", "finite number"),
    "argument": (HEAD.replace("4", "1e999999") + TAIL, "not-finite", "finite number"),
    "width": (HEAD.replace("4", "9" * 20) + TAIL, "wrong-argument", "at most 1048576"),
    "powers": (
        "method M\nparam p0 = 10\n" + "".join(f"param p{k} = p{k - 1} * p{k - 1}\n" for k in range(1, 60)),
        "too-large",
        "the value of `p7` is too large once its parameters are put in",
    ),
}


@pytest.mark.parametrize("name", LIMITS)
def test_a_limit_is_named(name: str) -> None:
    text, slug, title = LIMITS[name]
    with within_cpu_seconds(SECONDS):
        found = analyse(SourceFile("spec.mvib", text)).diagnostics
    assert any(one.slug == slug and title in one.title for one in found), [one.title for one in found][:3]


HARMLESS = {
    "many paths": made_of(60),
    "an exponent below everything": HEAD + TAIL + "claim H(X) >= 1e-999999999\n",
    "long decimals": HEAD + TAIL + f"claim 0.{'1234567890' * 20} * H(X) <= H(X)\n",
    "as many members as may be": families(512),
    "every claim false": families(5, "claim I(Z[i]; Z[j]) >= H(X)\n"),
    "blanks in front of a bracket": HEAD + "maximize I" + " \n" * 15000,
    "brackets in a path": HEAD + "maximize I[" + "[]" * 15000,
    "a name and primes": HEAD + "data a" + "'" * 60 + "'",
    "a text that does not end": HEAD + 'about "' + "\\a" * 15000,
    "a list that does not end": HEAD + "maximize I(Z;" + "Y;" * 5000,
    "settings that do not end": HEAD + "train { " + "a: 1 " * 3000,
    "mistakes on every line": "method M\n" + "data data\n" * 3000,
    "keywords": "maximize " * 3500,
    "unknown names": "method M\n" + "".join(f"encoder f{k}: Xa{k} -> Z{k} = mlpp(4)\n" for k in range(400)),
    "marks of an order": "\ufeff" * 32000,
}


@pytest.mark.parametrize("name", HARMLESS)
def test_a_hard_file_is_read_in_time(name: str) -> None:
    with within_cpu_seconds(SECONDS):
        analyse(SourceFile("spec.mvib", HARMLESS[name]))


def test_the_limits_leave_room() -> None:
    most = max(len(path.read_text(encoding="utf-8")) for path in Path("specs").glob("*.mvib"))
    assert most * 10 < MAX_CHARACTERS
    assert MAX_FACTS >= 1024
    assert MAX_TERMS >= 512


# ---- files ----------------------------------------------------------------------------------------------------------


def test_a_large_file_and_a_device_are_not_read_to_their_end(tmp_path: Path) -> None:
    path = tmp_path / "large.mvib"
    with path.open("wb") as file:
        file.truncate(1 << 40)
    for name in (path, Path("/dev/zero")):
        with pytest.raises(SpecNotFoundError, match="it is larger than any spec"):
            read_source(name)


def test_a_chain_of_parents_ends(tmp_path: Path) -> None:
    for k in range(100):
        (tmp_path / f"s{k}.mvib").write_text(f'method S{k} extends "s{k + 1}.mvib"\n')
    (tmp_path / "s100.mvib").write_text(HEAD + TAIL)
    found = analyse(read_source(tmp_path / "s0.mvib")).diagnostics
    assert [one.is_error for one in found][:1] == [True]


def test_parents_have_no_more_statements_together_than_one_file(tmp_path: Path) -> None:
    for k in range(4):
        head = f'method S{k} extends "s{k + 1}.mvib"\n' if k < 3 else HEAD + TAIL
        (tmp_path / f"s{k}.mvib").write_text(head + "".join(f"param a{k}x{n} = 1\n" for n in range(200)))
    found = analyse(read_source(tmp_path / "s0.mvib")).diagnostics
    assert "with all that it extends it has more than" in found[0].title


def test_an_archive_that_unpacks_to_much_more_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.npz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        header = b"{'descr': '|u1', 'fortran_order': False, 'shape': (4294967296,), }".ljust(117) + b"\n"
        archive.writestr("x.npy", b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header + bytes(1 << 20))
    # The archive claims what the header of its array does; what it would take to write it is not written here.
    content = bytearray(path.read_bytes())
    place = content.index(b"PK\x01\x02")
    content[place + 24 : place + 28] = (0xFFFFFFF0).to_bytes(4, "little")
    path.write_bytes(content)
    with pytest.raises(DataError, match="more than 100 times its own size"):
        load_source(f"npz:{path}")


@pytest.mark.parametrize("kind", ["npz", "npy"])
def test_an_array_that_claims_more_than_its_file_has_is_refused(kind: str, tmp_path: Path) -> None:
    path = tmp_path / f"claims.{kind}"
    if kind == "npz":
        np.savez(path, x=np.zeros((10, 3), dtype=np.float32))
    else:
        np.save(path, np.zeros((10, 3), dtype=np.float32))
    content = path.read_bytes().replace(b"(10, 3), }    ", b"(10000000, 3)}")
    if kind == "npz":
        with zipfile.ZipFile(path) as archive:
            member = archive.read("x.npy").replace(b"(10, 3), }             ", b"(1000000000000000, 3)} ")
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("x.npy", member)
    else:
        path.write_bytes(content)
    with pytest.raises(DataError):
        load_source(f"npy:x={path}" if kind == "npy" else f"npz:{path}")


def test_a_pipe_beside_a_spec_is_no_parent(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.mvib")
    assert stat.S_ISFIFO((tmp_path / "pipe.mvib").stat().st_mode)
    (tmp_path / "spec.mvib").write_text('method M extends "pipe.mvib"\n')
    found = analyse(read_source(tmp_path / "spec.mvib")).diagnostics
    assert found[0].slug == "unknown-parent"
