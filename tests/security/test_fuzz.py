"""Whatever a file holds, reading it ends, and ends in an answer or in words for the user.

A few seconds in CI. `MVIB_FUZZ_SECONDS=600 pytest tests/security/test_fuzz.py` looks for that long in all, with other
examples each time.
"""

import json
import os
import random
import re
import zlib
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cache
from io import BytesIO
from pathlib import Path
from time import monotonic
from typing import TypeVar

import numpy as np
import pytest
import torch
from hypothesis import HealthCheck, given, seed, settings
from hypothesis import strategies as st
from PIL import Image
from torch import nn

from mvib.data import DataError
from mvib.data.sources import load_source
from mvib.diagnostics import render_text
from mvib.driver import analyse
from mvib.source import SourceFile, printable
from mvib.syntax.formatter import format_spec
from mvib.syntax.parser import parse_source
from mvib.train.checkpoint import Place, collect_state, pack_checkpoint, read_checkpoint
from mvib.train.errors import FolderError
from mvib.train.folder import RunFolder, open_folder, read_config_file, read_records, read_spec_text, read_summary
from mvib.train.history import EpochRecord, Measured, record_to_json
from mvib.train.run import analyse_run
from tests.bounded import within_cpu_seconds

Example = TypeVar("Example")
SECONDS = float(os.environ.get("MVIB_FUZZ_SECONDS", "0"))
NUM_EXAMPLES = 40
# Of computing, for one example. An honest spec with claims takes a second.
HANG = 240.0
ROOT = Path(__file__).parents[2]
SPECS = [
    path.read_text(encoding="utf-8")
    for pattern in ("tests/good/*.mvib", "tests/bad/*/*.mvib", "specs/*.mvib")
    for path in sorted(ROOT.glob(pattern))
]
TOKEN = re.compile(r'"[^"\n]*"|#[^\n]*|->|~>|\.\.|--|\|\||[<>!=]=|[^\W\d][\w]*\'*|[\d.]+(?:e-?\d+)?|\n|[ \t]+|.')
NASTY = (
    "1e999999", "1e-999999999", "0", "-1", "1..1000000000", "1..1024", "1/3e200", "9" * 400, '"\u202e\x1b[2J"',
    "(" * 30, ")" * 30, "[i: 1..64]", "[i,j,k]", "learned(1)", "cosine(0 -> 1)", "extends", "mean(i != j)", "X[1..512]",
    "claim 1e300*1e300*H(X) <= 1\n", "assume X -- X -- X\n", "\0", "\ufeff", "I(", "__class__", "{", "}", "1_0", "..",
)  # fmt: skip


# ---- specs -----------------------------------------------------------------------------------------------------------


@st.composite
def specs(draw: st.DrawFn) -> str:
    """A spec after a few slips or attacks: tokens deleted, repeated, exchanged, or taken from elsewhere."""
    chance = random.Random(draw(st.integers(0, 2**48)))
    tokens = TOKEN.findall(chance.choice(SPECS))
    for _ in range(chance.randint(1, 6)):
        if not tokens:
            break
        first, second = chance.randrange(len(tokens)), chance.randrange(len(tokens))
        match chance.randrange(7):
            case 0:
                del tokens[first]
            case 1:
                tokens[first:first] = [tokens[first]] * chance.choice((1, 2, 50))
            case 2:
                tokens[first], tokens[second] = tokens[second], tokens[first]
            case 3:
                tokens[first] = chance.choice(TOKEN.findall(chance.choice(SPECS)) or [""])
            case 4:
                tokens[first] = chance.choice(NASTY)
            case 5:
                lines = chance.choice(SPECS).split("\n")
                tokens[first:first] = ["\n", chance.choice(lines), "\n"]
            case _:
                low, high = sorted((first, second))
                tokens[low:low] = tokens[low:high] * chance.choice((1, 1, 3))
    return "".join(tokens)


def check_spec(text: str) -> None:
    source = SourceFile("spec.mvib", text)
    # Proofs are bounded in time, and take most of it: only by hand.
    found = analyse(source, prove=SECONDS > 0).diagnostics
    shown = render_text(found)
    assert printable(shown.replace("\n", "")) == shown.replace("\n", "")
    parsed = parse_source(source)
    if not parsed.diagnostics:
        formatted = format_spec(parsed.spec)
        again = parse_source(SourceFile("spec.mvib", formatted))
        assert not again.diagnostics
        assert format_spec(again.spec) == formatted


# ---- files -----------------------------------------------------------------------------------------------------------


def _saved(write: Callable[[BytesIO], object]) -> bytes:
    stream = BytesIO()
    write(stream)
    return stream.getvalue()


@cache
def good_files() -> Mapping[str, bytes]:
    chance = np.random.default_rng(0)
    pixels = chance.random((12, 1, 4, 4), dtype=np.float32)
    labels = np.arange(12) % 3
    picture = Image.fromarray((pixels[0, 0] * 255).astype(np.uint8))
    model = nn.Linear(2, 2)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    record = EpochRecord(
        epoch=1, step=3, progress=0.5, train=Measured(loss=1.0, terms={"a": 1.0}),
        held_out=Measured(loss=1.0, terms={}),
        lr=0.1, gradient_norm=1.0, schedules={}, seconds=1.0, examples_per_second=3.0,
    )  # fmt: skip
    config = {"format": 1, "data": "digits", "epochs": 1, "fingerprint": "x", "shapes": {}, "versions": {}, "spec": ""}
    return {
        "data.npz": _saved(lambda stream: np.savez(stream, x=pixels, y=labels)),
        "small.npz": _saved(lambda stream: np.savez_compressed(stream, x=pixels, y=labels)),
        "data.npy": _saved(lambda stream: np.save(stream, pixels)),
        "data.csv": b"a,b,label\n" + b"".join(b"%d,0.5,%d\n" % (k, k % 3) for k in range(12)),
        "picture.png": _saved(lambda stream: picture.save(stream, "PNG")),
        "picture.jpg": _saved(lambda stream: picture.save(stream, "JPEG")),
        "checkpoint.safetensors": pack_checkpoint(collect_state(model, optimizer), Place(epoch=1, step=3)),
        "config.json": json.dumps(config).encode(),
        "metrics.jsonl": (record_to_json(record) + "\n").encode(),
        "summary.json": b'{"method": "M", "probes": {"knn": 0.5}}',
        "spec.mvib": SPECS[0].encode(),
    }


@st.composite
def files(draw: st.DrawFn, names: tuple[str, ...]) -> tuple[str, bytes]:
    """A file of a kind that is read, with bits, bytes and stretches changed; checksums of archives mended at times."""
    name = draw(st.sampled_from(names))
    chance = random.Random(draw(st.integers(0, 2**48)))
    content = bytearray(good_files()[name])
    for _ in range(chance.randint(1, 8)):
        place = chance.randrange(len(content)) if content else 0
        # Headers are where lengths and types are.
        place = place if chance.random() < 0.5 else min(place, chance.randrange(200))
        match chance.randrange(8):
            case 0 if content:
                content[place] ^= 1 << chance.randrange(8)
            case 1 if content:
                content[place] = chance.choice((0, 1, 127, 128, 255, 34, 44, 58, 91, 93, 123, 125))
            case 2:
                del content[place : place + chance.randrange(1, 16)]
            case 3:
                content[place:place] = content[place : place + chance.randrange(1, 64)]
            case 4:
                content[place : place + 8] = chance.choice((b"\xff" * 8, b"\0" * 8, b"\xff\xff\xff\x7f\0\0\0\0"))
            case 5:
                del content[place:]
            case 6:
                _replace(content, chance)
            case _:
                content[place:place] = chance.choice(
                    (b"1e999", b"9" * 400, b"[" * 2000, b"\x1b[2J", b"NaN", b"\n", b"null")
                )
    if name.endswith(".npz") and chance.random() < 0.7:
        _mend(content)
    return name, bytes(content)


def _replace(content: bytearray, chance: random.Random) -> None:
    """Another number, word or type in the place of one that is there."""
    numbers = list(re.finditer(rb"\d+|\"\w+\"|<f4|<i8|F32", bytes(content[:4000])))
    if numbers:
        found = chance.choice(numbers)
        other = (
            b"0",
            b"-1",
            b"99999999999999999999",
            b"4294967296",
            b"|O",
            b"V8",
            b'"x"',
            b"null",
            b"[]",
            b"{}",
            b"1e400",
        )
        content[found.start() : found.end()] = chance.choice(other)


def _mend(content: bytearray) -> None:
    """Make the checksums of an uncompressed archive agree with what it holds, so that what reads it is reached."""
    for local in re.finditer(rb"PK\x03\x04", bytes(content)):
        start = local.start()
        size = int.from_bytes(content[start + 18 : start + 22], "little")
        begin = start + 30 + int.from_bytes(content[start + 26 : start + 28], "little")
        begin += int.from_bytes(content[start + 28 : start + 30], "little")
        checksum = zlib.crc32(bytes(content[begin : begin + size])).to_bytes(4, "little")
        old = bytes(content[start + 14 : start + 18])
        for place in [match.start() for match in re.finditer(re.escape(old), bytes(content))]:
            content[place : place + 4] = checksum


def check_data(name: str, content: bytes, folder: Path) -> None:
    path = folder / name
    if path.suffix in {".png", ".jpg"}:
        for k in range(4):
            label = folder / "pictures" / f"class{k % 2}"
            label.mkdir(parents=True, exist_ok=True)
            (label / f"{k}{path.suffix}").write_bytes(good_files()[name] if k else content)
        text = f"folder:{folder / 'pictures'},skip=3"
    else:
        path.write_bytes(content)
        kind = path.suffix[1:]
        text = f"npy:x={path}" if kind == "npy" else f"{kind}:{path}"
    try:
        source = load_source(text)
        for column in source.columns.values():
            assert len(column.train) >= 0
            column.train[:2]
    except DataError:
        # In words, with a remedy: any other error ends the test.
        pass
    finally:
        for other in folder.rglob("*.*"):
            if other.is_file():
                other.unlink()


def check_run(name: str, content: bytes, folder: Path) -> None:
    for other, good in good_files().items():
        (folder / other).write_bytes(content if other == name else good)
    for read in (
        lambda: _read_folder(folder),
        lambda: read_checkpoint(folder / "checkpoint.safetensors"),
        lambda: analyse_run(folder),
    ):
        with suppress(FolderError):
            read()


def _read_folder(folder: Path) -> None:
    opened: RunFolder = open_folder(folder)
    read_config_file(opened)
    read_spec_text(opened)
    read_summary(opened)
    read_records(opened)


DATA = ("data.npz", "small.npz", "data.npy", "data.csv", "picture.png", "picture.jpg")
RUN = ("checkpoint.safetensors", "config.json", "metrics.jsonl", "summary.json", "spec.mvib")


def fuzz(check: Callable[[Example], None], examples: st.SearchStrategy[Example], share: float) -> None:
    """Try examples: a few that are the same in every run, or other ones for as long as was asked for."""

    def body(example: Example) -> None:
        with within_cpu_seconds(HANG):
            check(example)

    health = list(HealthCheck)
    if not SECONDS:
        settings(max_examples=NUM_EXAMPLES, suppress_health_check=health)(given(examples)(body))()
        return
    end, count = monotonic() + SECONDS * share, 0
    while monotonic() < end:
        chosen = settings(max_examples=50, derandomize=False, database=None, suppress_health_check=health)
        seed(random.randrange(2**32))(chosen(given(examples)(body)))()
        count += 50
    print(f"{count} examples")


def test_specs() -> None:
    fuzz(check_spec, specs(), 0.4)


def test_any_text() -> None:
    fuzz(check_spec, st.text(max_size=300), 0.05)


@pytest.mark.filterwarnings("ignore")
def test_data_files(tmp_path: Path) -> None:
    fuzz(lambda example: check_data(*example, folder=tmp_path), files(DATA), 0.3)


def test_run_folders(tmp_path: Path) -> None:
    fuzz(lambda example: check_run(*example, folder=tmp_path), files(RUN), 0.25)
