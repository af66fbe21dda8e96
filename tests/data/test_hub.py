"""Hub data sets against a stand-in for the package `datasets`: its documented interface, and no network.

The real package was tried by hand with local parquet files (docs/data.md); here it is not installed.
"""

import io
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
import torch
from PIL import Image as Pil

from mvib.data import DataError, load_source
from tests.data.pictures import pixels


@dataclass
class Image:
    decode: bool = True
    dtype = "PIL.Image.Image"


@dataclass
class ClassLabel:
    names: tuple[str, ...] = ("cat", "dog")
    dtype = "int64"


@dataclass
class Value:
    dtype: str


class Rows:
    def __init__(self, rows: list[dict[str, Any]], features: dict[str, Any], *, streaming: bool) -> None:
        self.rows, self.features, self.streaming = rows, features, streaming

    def cast_column(self, key: str, feature: Any) -> "Rows":
        return Rows(self.rows, {**self.features, key: feature}, streaming=self.streaming)

    def select(self, places: range) -> "Rows":
        return Rows([self.rows[place] for place in places], self.features, streaming=self.streaming)

    def select_columns(self, keys: list[str]) -> "Rows":
        rows = [{key: row[key] for key in keys} for row in self.rows]
        return Rows(rows, {key: self.features[key] for key in keys}, streaming=self.streaming)

    def __len__(self) -> int:
        assert not self.streaming, "a stream has no length"
        return len(self.rows)

    def __getitem__(self, place: int) -> dict[str, Any]:
        assert not self.streaming, "a stream has no places"
        return self._shown(self.rows[place])

    def __iter__(self) -> Iterator[dict[str, Any]]:
        return map(self._shown, self.rows)

    def _shown(self, row: dict[str, Any]) -> dict[str, Any]:
        for feature in self.features.values():
            assert not (isinstance(feature, Image) and feature.decode), "pictures are decoded with our limits"
        return row


def png(seed: int) -> bytes:
    stream = io.BytesIO()
    Pil.fromarray(pixels(seed)).save(stream, format="PNG")
    return stream.getvalue()


def load_card(path: str) -> Any:
    """What stands between the lines of three dashes; JSON is YAML too."""
    return SimpleNamespace(data=json.loads(Path(path).read_text().split("---")[1]))


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
    state: dict[str, Any] = {
        "features": {"img": Image(), "label": ClassLabel(), "weight": Value("float32"), "text": Value("string")},
        "splits": {
            name: [
                {"img": {"bytes": png(n), "path": None}, "label": n % 2, "weight": n / 2, "text": "x"}
                for n in range(number)
            ]
            for name, number in (("train", 12), ("test", 4))
        },
        "calls": [],
    }

    def load_dataset(path: str, name: str | None = None, *, split: str, revision: str | None, streaming: bool) -> Rows:
        state["calls"].append((path, name, split, revision, streaming))
        if split not in state["splits"]:
            raise ValueError(f'Unknown split "{split}". Should be one of {list(state["splits"])}.')
        return Rows(state["splits"][split], state["features"], streaming=streaming)

    def load_dataset_builder(path: str, name: str | None = None, *, revision: str | None) -> Any:
        state["asked"] = True
        own = f"{path}/a.parquet" if Path(path).is_dir() else f"hf://datasets/{path}@{revision or 'main'}/a.parquet"
        kind = type("Builder", (), {"__module__": f"datasets.packaged_modules.{state['reader']}.x"})
        builder = kind()
        builder.config = SimpleNamespace(data_files={"train": state["files"] or [own]})
        return builder

    state |= {"reader": "parquet", "files": []}
    module = ModuleType("datasets")
    module.__dict__.update(
        __version__="4.1.0",
        load_dataset_builder=load_dataset_builder,
        load_dataset=load_dataset,
        Image=Image,
        ClassLabel=ClassLabel,
        Value=Value,
    )
    monkeypatch.setitem(sys.modules, "datasets", module)
    monkeypatch.setitem(sys.modules, "huggingface_hub", ModuleType("huggingface_hub"))
    sys.modules["huggingface_hub"].__dict__.update(__version__="1.0", DatasetCard=SimpleNamespace(load=load_card))
    return state


@pytest.mark.parametrize("options", ["", ",cache=no", ",streaming=yes,n=100"])
def test_columns_have_the_names_of_the_hub(hub: dict[str, Any], options: str) -> None:
    source = load_source(f"hf:user/pets,config=small,revision=abc{options}")
    assert set(source.columns) == {"img", "label", "weight"}
    assert (source.num_train, source.num_test) == (12, 4)
    assert source.columns["img"].shape == (3, 8, 8)
    pictures = (source.columns["img"].test[:] * 255).round().to(torch.uint8).permute(0, 2, 3, 1)
    assert torch.equal(pictures, torch.stack([torch.from_numpy(pixels(n)) for n in range(4)]))
    assert source.columns["label"].test[:].tolist() == [0, 1, 0, 1]
    assert source.columns["weight"].test[:].flatten().tolist() == [0.0, 0.5, 1.0, 1.5]
    streaming = "streaming" in options
    assert hub["calls"][0] == ("user/pets", "small", "train", "abc", streaming)


def test_without_a_test_split_a_part_is_held_out(hub: dict[str, Any]) -> None:
    del hub["splits"]["test"]
    source = load_source("hf:user/pets")
    assert (source.num_train, source.num_test) == (9, 3)
    assert "pin it" in source.notes[0]
    with pytest.raises(DataError, match="has no split `other`"):
        load_source("hf:user/pets,test=other")


def test_bad_pictures_are_named(hub: dict[str, Any]) -> None:
    hub["splits"]["train"][3]["img"] = {"bytes": b"junk", "path": None}
    hub["splits"]["train"][5]["img"] = None
    with pytest.raises(DataError, match=r"2 items.*user/pets/train\[3\]` is no picture.*train\[5\]` is empty"):
        load_source("hf:user/pets")
    assert load_source("hf:user/pets,skip=2").num_train == 10


def test_rows_name_files_of_the_data_set_and_no_others(
    hub: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    own = tmp_path / "cache" / "hub" / "datasets--user--pets"
    unpacked = tmp_path / "cache" / "datasets" / "downloads" / "extracted" / "0a"
    others = tmp_path / "cache" / "hub" / "datasets--somebody--private"
    for folder in (own / "blobs", own / "snapshots", unpacked, others):
        folder.mkdir(parents=True)
    for path in (own / "blobs" / "0b", unpacked / "cat.png", others / "dog.png", tmp_path / "mine.png"):
        path.write_bytes(png(1))
    # As the hub's cache has it: a name is a link to a content.
    (own / "snapshots" / "cat.png").symlink_to(own / "blobs" / "0b")
    (own / "snapshots" / "out.png").symlink_to(tmp_path / "mine.png")
    (tmp_path / "cache" / "token").write_text("hf_secret")
    rows = hub["splits"]["train"]
    for number, path in enumerate((own / "snapshots" / "cat.png", unpacked / "cat.png")):
        rows[number]["img"] = {"bytes": None, "path": str(path)}
    assert load_source("hf:user/pets").num_train == 12
    bad = (
        "/etc/passwd", str(tmp_path / "cache" / "token"), str(others / "dog.png"), str(own / "snapshots" / "out.png"),
        str(own / ".." / "datasets--somebody--private" / "dog.png"), "https://example.com/a.png", "mine.png", "a\0b", 7,
    )  # fmt: skip
    monkeypatch.chdir(tmp_path)
    for number, name in enumerate(bad):
        rows[number]["img"] = {"bytes": None, "path": name}
    with pytest.raises(
        DataError, match=r"9 items.*names a file outside the data set, `/etc/passwd`, which is not opened"
    ):
        load_source("hf:user/pets")
    source = load_source("hf:user/pets,skip=9")
    assert source.num_train == 3
    assert len(source.bad) == 9


def test_a_local_data_set_names_files_of_its_folder(hub: dict[str, Any], tmp_path: Path) -> None:
    (tmp_path / "pets").mkdir()
    (tmp_path / "pets" / "cat.png").write_bytes(png(1))
    (tmp_path / "dog.png").write_bytes(png(2))
    hub["splits"]["train"][0]["img"] = {"bytes": None, "path": str(tmp_path / "pets" / "cat.png")}
    assert load_source(f"hf:{tmp_path / 'pets'}").num_train == 12
    hub["splits"]["train"][1]["img"] = {"bytes": None, "path": str(tmp_path / "dog.png")}
    with pytest.raises(DataError, match="names a file outside the data set"):
        load_source(f"hf:{tmp_path / 'pets'}")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_row_that_names_a_pipe_keeps_nobody_waiting(hub: dict[str, Any], tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    hub["splits"]["train"][0]["img"] = {"bytes": None, "path": str(tmp_path / "pipe")}
    with pytest.raises(DataError, match="pipe`, which is no file"):
        load_source(f"hf:{tmp_path}")


def test_the_label_may_be_named(hub: dict[str, Any]) -> None:
    for number, row in enumerate(hub["splits"]["train"] + hub["splits"]["test"]):
        row["text"] = "ab"[number % 2]
    source = load_source("hf:user/pets,label=text,column=text")
    assert source.columns["text"].classes == 2
    with pytest.raises(DataError, match="has no column `kind`"):
        load_source("hf:user/pets,label=kind")


def test_a_stream_needs_an_end(hub: dict[str, Any]) -> None:
    with pytest.raises(DataError, match="say how many"):
        load_source("hf:user/pets,streaming=yes")
    assert load_source("hf:user/pets,streaming=yes,n=5").num_train == 5


def test_without_the_package_or_with_one_that_runs_scripts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "datasets", None)
    with pytest.raises(DataError, match=r"`hf:` needs the package `datasets`.*pip install 'datasets>=4\.0\.0'"):
        load_source("hf:user/pets")
    old = ModuleType("datasets")
    old.__dict__["__version__"] = "2.19.0"
    monkeypatch.setitem(sys.modules, "datasets", old)
    with pytest.raises(DataError, match=r"4\.0\.0 or newer, and 2\.19\.0 is installed"):
        load_source("hf:user/pets")


@pytest.mark.parametrize("reader", ["pandas", "sql", "spark", "generator", "webdataset", ""])
def test_what_may_run_what_data_say_is_refused_before_it_reads(hub: dict[str, Any], reader: str) -> None:
    hub["reader"] = reader
    with pytest.raises(DataError, match="may run what the data say"):
        load_source("hf:user/pets")
    assert hub["calls"] == []


@pytest.mark.parametrize(
    "path",
    [
        "/etc/passwd",
        "{folder}/../other.csv",
        "{folder}/link.csv",
        "hf://datasets/else/pets@main/a.csv",
        "http://x/a.csv",
    ],
)
def test_a_data_set_is_made_of_its_own_files(hub: dict[str, Any], path: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "link.csv").symlink_to("/etc/passwd")
    hub["files"] = [path.format(folder=tmp_path / "folder")]
    for name in (str(tmp_path / "folder"), "user/pets", "csv"):
        with pytest.raises(DataError, match="which is no file of its own"):
            load_source(f"hf:{name}")
    assert hub["calls"] == []
    hub["files"] = []
    assert load_source(f"hf:{tmp_path / 'folder'}").num_train == 12
    hub["files"] = ["hf://datasets/owner/pets@main/a.csv"]
    assert load_source("hf:pets").num_train == 12


@pytest.mark.parametrize(
    "path",
    [
        "http://127.0.0.1:1/s.csv",
        "dir://s.csv::file:///home/user",
        "zip://s.csv::/home/user/s.zip",
        "gzip://s.csv::{folder}/s.csv.gz",
        "file:///etc/passwd",
    ],
)
def test_a_folder_names_no_address_and_no_file_system(
    hub: dict[str, Any], path: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # There the real path of an address would lie in the folder.
    monkeypatch.chdir(tmp_path)
    path = path.format(folder=tmp_path)
    hub["files"] = [path]
    with pytest.raises(DataError, match="which is no file of its own"):
        load_source(f"hf:{tmp_path}")
    hub["files"] = []
    card: dict[str, Any] = {"license": "https://example.org"}
    for files in (path, [path], {"train": path}, [{"split": "train", "path": [path]}]):
        card["configs"] = [{"config_name": "default", "data_files": files}]
        (tmp_path / "README.md").write_text(f"---\n{json.dumps(card)}\n---\n")
        hub["asked"] = False
        with pytest.raises(DataError, match="which is no file of its own"):
            load_source(f"hf:{tmp_path}")
        assert not hub["asked"]
    card["configs"] = [{"config_name": "default", "data_files": "*.parquet", "sep": "::"}]
    (tmp_path / "README.md").write_text(f"---\n{json.dumps(card)}\n---\n")
    assert load_source(f"hf:{tmp_path}").num_train == 12
    (tmp_path / ".huggingface.yaml").write_text("configs: []")
    with pytest.raises(DataError, match=r"in `\.huggingface\.yaml`, which is not read"):
        load_source(f"hf:{tmp_path}")
