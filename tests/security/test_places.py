"""Nothing is written outside the folder that the user named, and a spec reads nothing outside its own."""

import os
import tarfile
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from mvib.data import DataError
from mvib.data.sources import load_source
from mvib.driver import analyse, read_source
from mvib.source import SourceFile
from mvib.writing import append_line, write_whole


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    path = tmp_path / "home" / "secret"
    path.parent.mkdir()
    path.write_text("kept")
    return path


# ---- writing ---------------------------------------------------------------------------------------------------------


def test_a_file_is_written_in_the_place_of_a_link(secret: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    (run / "summary.json").symlink_to(secret)
    write_whole(run / "summary.json", b"new")
    assert secret.read_text() == "kept"
    assert not (run / "summary.json").is_symlink()
    assert (run / "summary.json").read_text() == "new"


def test_a_link_under_the_temporary_name_is_not_followed(secret: Path, tmp_path: Path) -> None:
    run = tmp_path / "run"
    run.mkdir()
    # A stranger can put one there for every number that a process may have.
    (run / f".summary.json.{os.getpid()}.tmp").symlink_to(secret)
    write_whole(run / "summary.json", b"new")
    assert secret.read_text() == "kept"
    assert (run / "summary.json").read_text() == "new"


def test_a_line_is_not_added_behind_a_link(secret: Path, tmp_path: Path) -> None:
    (tmp_path / "metrics.jsonl").symlink_to(secret)
    with pytest.raises(OSError, match=r"metrics\.jsonl"):
        append_line(tmp_path / "metrics.jsonl", "{}")
    assert secret.read_text() == "kept"


@pytest.mark.parametrize("name", ["../up", "a/b", "..", "/tmp/x", "a\\b", "a\x00b"])
def test_a_name_of_a_spec_is_no_path(name: str) -> None:
    for text in (f"method {name}\n", f"method M\ndata {name}: image\n", f"method M\nencoder {name}: X -> Z = mlp(4)\n"):
        assert analyse(SourceFile("spec.mvib", text)).method is None


# ---- reading ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name", ["../home/parent.mvib", "{outside}/parent.mvib", "link.mvib", "folder/../../home/parent.mvib"]
)
def test_a_spec_extends_nothing_outside_its_folder(name: str, tmp_path: Path) -> None:
    outside = tmp_path / "home"
    outside.mkdir()
    (outside / "parent.mvib").write_text("method P\n")
    inside = tmp_path / "specs"
    (inside / "folder").mkdir(parents=True)
    (inside / "link.mvib").symlink_to(outside / "parent.mvib")
    (inside / "spec.mvib").write_text(f'method M extends "{name.format(outside=outside)}"\n')
    found = analyse(read_source(inside / "spec.mvib")).diagnostics
    assert found[0].slug == "unknown-parent"
    assert "a spec reads no file outside its own folder" in found[0].label + found[0].why + found[0].title


def _picture() -> bytes:
    stream = BytesIO()
    Image.fromarray(np.zeros((4, 4), dtype=np.uint8)).save(stream, "PNG")
    return stream.getvalue()


def test_members_of_shards_are_never_unpacked(secret: Path, tmp_path: Path) -> None:
    path = tmp_path / "shard.tar"
    with tarfile.open(path, "w") as tar:
        for k, name in enumerate(("../../home/secret.png", "/etc/owned.png", "a.png", "b.png", "c.png", "d.png")):
            for ending, content in ((".png", _picture()), (".cls", b"%d" % (k % 2))):
                member = tarfile.TarInfo(name.removesuffix(".png") + ending)
                member.size = len(content)
                tar.addfile(member, BytesIO(content))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
    before = sorted(tmp_path.rglob("*"))
    with pytest.raises(DataError, match="is a link or no file"):
        load_source(f"wds:{path}")
    assert sorted(tmp_path.rglob("*")) == before
    assert secret.read_text() == "kept"


def test_a_link_in_a_folder_of_pictures_is_not_followed_out(secret: Path, tmp_path: Path) -> None:
    secret.write_bytes(_picture())
    for label in ("a", "b"):
        for k in range(4):
            place = tmp_path / "pictures" / label / f"{k}.png"
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(_picture())
    (tmp_path / "pictures" / "a" / "link.png").symlink_to(secret)
    with pytest.raises(DataError, match="link"):
        load_source(f"folder:{tmp_path / 'pictures'}")


def test_a_picture_of_too_many_pixels_is_refused(tmp_path: Path) -> None:
    content = bytearray(_picture())
    content[16:24] = (60000).to_bytes(4, "big") * 2
    for label in ("a", "b"):
        (tmp_path / label).mkdir()
        for k in range(4):
            (tmp_path / label / f"{k}.png").write_bytes(_picture() if k else bytes(content))
    with pytest.raises(DataError):
        load_source(f"folder:{tmp_path}")
