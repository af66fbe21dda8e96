"""Tar shards in the form of webdataset, written by hand; read at any place, and nothing else than read."""

import io
import tarfile
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from mvib.data import DataError, load_source
from mvib.data.shards import _expand_braces
from tests.data.pictures import pixels


def png(seed: int) -> bytes:
    stream = io.BytesIO()
    Image.fromarray(pixels(seed)).save(stream, format="PNG")
    return stream.getvalue()


def write_shard(path: Path, members: dict[str, bytes]) -> Path:
    with tarfile.open(path, "w") as tar:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))
    return path


def members(start: int, stop: int) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for number in range(start, stop):
        found |= {f"{number:04}.png": png(number), f"{number:04}.cls": str(number % 3).encode()}
    return found


def test_examples_of_several_shards(tmp_path: Path) -> None:
    for shard in range(3):
        write_shard(tmp_path / f"{shard:03}.tar", members(10 * shard, 10 * shard + 10))
    expected = [pixels(seed) for seed in range(30)]
    for pattern in ("{000..002}.tar", "*.tar", "00{0,1,2}.tar"):
        for cache in ("yes", "no"):
            source = load_source(f"wds:{tmp_path}/{pattern},cache={cache}")
            image, label = source.columns["image"], source.columns["label"]
            assert (source.num_train, source.num_test, label.classes) == (24, 6, 3)
            found = (image.test[:] * 255).round().to(torch.uint8).permute(0, 2, 3, 1).numpy()
            for picture, its_label in zip(found, label.test[:].tolist(), strict=True):
                (seed,) = [seed for seed in range(30) if np.array_equal(expected[seed], picture)]
                assert seed % 3 == its_label


def test_test_shards_and_labels_of_json(tmp_path: Path) -> None:
    train = {f"{n}.{kind}": png(n) if kind == "png" else f'{{"animal": "a{n % 2}"}}'.encode() for n in range(8)
             for kind in ("png", "json")}  # fmt: skip
    write_shard(tmp_path / "train.tar", train)
    write_shard(tmp_path / "test.tar", dict(list(train.items())[:4]))
    source = load_source(f"wds:{tmp_path}/train.tar,test={tmp_path}/test.tar,label=json/animal")
    assert (source.num_train, source.num_test) == (8, 2)
    assert source.columns["label"].train[:].tolist() == [0, 1] * 4


def test_shards_without_labels(tmp_path: Path) -> None:
    write_shard(tmp_path / "a.tar", {f"{n}.png": png(n) for n in range(5)})
    source = load_source(f"wds:{tmp_path}/a.tar")
    assert set(source.columns) == {"image"}
    assert "no labels" in source.notes[0]


def test_bad_members_are_named(tmp_path: Path) -> None:
    content = members(0, 10) | {"0004.png": b"", "0007.cls": b"", "lonely.cls": b"1"}
    shard = write_shard(tmp_path / "a.tar", content)
    with pytest.raises(DataError, match=r"3 items.*a\.tar:lonely` has no picture.*0004\.png` is empty.*has no label"):
        load_source(f"wds:{shard}")
    source = load_source(f"wds:{shard},skip=3")
    assert source.num_train + source.num_test == 8


def test_a_shard_that_is_cut_short(tmp_path: Path) -> None:
    shard = write_shard(tmp_path / "a.tar", members(0, 10))
    shard.write_bytes(shard.read_bytes()[:5_000])
    with pytest.raises(DataError, match="cut short"):
        load_source(f"wds:{shard}")
    shard.write_bytes(b"not a tar file" * 100)
    with pytest.raises(DataError, match="no uncompressed tar file"):
        load_source(f"wds:{shard}")


def test_links_and_paths_in_a_shard_lead_nowhere(tmp_path: Path) -> None:
    shard = tmp_path / "a.tar"
    with tarfile.open(write_shard(shard, members(0, 10)), "a") as tar:
        link = tarfile.TarInfo("9999.png")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        tar.addfile(link)
    with pytest.raises(DataError, match=r"9999\.png` is a link or no file"):
        load_source(f"wds:{shard}")
    before = sorted(tmp_path.rglob("*"))
    write_shard(tmp_path / "a.tar", {f"../../{name}": content for name, content in members(0, 10).items()})
    assert load_source(f"wds:{shard}").num_train == 8
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        ("pipe:touch /tmp/x", "no pattern of files on this machine"),
        ("https://example.org/{0..9}.tar", "no pattern of files on this machine"),
        ("none-{000..003}.tar", r"there is no shard `none-000\.tar`"),
        ("none-*.tar", "no shard is called"),
        ("{9..0}.tar", "no range of shards"),
        ("{0..99999}{0..99999}.tar", "more than 100,000 shards"),
    ],
)
def test_patterns_that_cannot_be_read(pattern: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        load_source(f"wds:{pattern}")


def test_braces() -> None:
    assert _expand_braces("{a,b}{08..10}") == ["a08", "a09", "a10", "b08", "b09", "b10"]


def test_a_mask_beside_a_picture_is_not_the_picture(tmp_path: Path) -> None:
    content: dict[str, bytes] = {}
    for n in range(10):
        content |= {f"{n}.png": png(n), f"{n}.seg.png": png(n + 100), f"{n}.cls": str(n % 2).encode()}
    shard = write_shard(tmp_path / "a.tar", content)
    plain = write_shard(tmp_path / "b.tar", {k: v for k, v in content.items() if ".seg." not in k})
    masks = {f"{n}.png": png(n + 100) for n in range(10)} | {f"{n}.cls": str(n % 2).encode() for n in range(10)}
    masked = write_shard(tmp_path / "c.tar", dict(sorted(masks.items())))

    def image(text: str) -> torch.Tensor:
        return load_source(text).columns["image"].train[:]

    assert torch.equal(image(f"wds:{shard}"), image(f"wds:{plain}"))
    assert torch.equal(image(f"wds:{shard},image=seg.png"), image(f"wds:{masked}"))
    assert torch.equal(image(f"wds:{shard},image=PNG"), image(f"wds:{plain}"))


def test_two_pictures_of_an_example_are_not_chosen_between(tmp_path: Path) -> None:
    content: dict[str, bytes] = {}
    for n in range(4):
        content |= {f"{n}.left.png": png(n), f"{n}.right.png": png(n + 100), f"{n}.cls": str(n % 2).encode()}
    shard = write_shard(tmp_path / "a.tar", content)
    with pytest.raises(DataError, match=r"4 items .*`\.left\.png` and `\.right\.png`: say which, `,image=left\.png`"):
        load_source(f"wds:{shard}")
    assert load_source(f"wds:{shard},image=right.png").columns["image"].shape == (3, 8, 8)
    with pytest.raises(DataError, match=r"has no picture `\.top\.png`"):
        load_source(f"wds:{shard},image=top.png")


def test_examples_that_are_left_out_shift_no_rows_of_other_data(tmp_path: Path) -> None:
    content = {name: what for name, what in members(0, 10).items() if name != "0003.png"}
    shard = write_shard(tmp_path / "a.tar", content)
    np.save(tmp_path / "t.npy", np.arange(10.0)[:, None])
    source = load_source(f"A=wds:{shard},skip=1,T=npy:T={tmp_path / 't.npy'}")
    assert source.num_train + source.num_test == 9
    numbers = torch.cat([getattr(source.columns["T"], part)[:] for part in ("train", "test")]).flatten().long()
    pictures = torch.cat([getattr(source.columns["A"], part)[:] for part in ("train", "test")])
    for n, picture in zip(numbers.tolist(), pictures, strict=True):
        assert np.array_equal((picture * 255).round().to(torch.uint8).permute(1, 2, 0).numpy(), pixels(n))
