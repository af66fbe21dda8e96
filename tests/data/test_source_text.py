"""What `--data` may say, and what a run folder makes of it."""

from pathlib import Path

import pytest

from mvib.data import DataError, with_absolute_paths, with_option
from mvib.data.source_text import array_paths, parse_source


def test_a_path_may_hold_commas_and_colons() -> None:
    (part,) = parse_source("folder:/a,b:c/d,size=64,skip=3")
    assert (part.kind, part.where, dict(part.options)) == ("folder", "/a,b:c/d", {"size": "64", "skip": "3"})


@pytest.mark.parametrize(
    "text",
    [
        "digits",
        "synthetic",
        "synthetic:views=2,noise=0.1",
        "npz:/a.npz",
        "npz:/a.npz,column=x",
        "npy:X=/a.npy,Y=/b.npy",
        "folder:/a,size=64,skip=3",
        "X=folder:/a,size=64,T=npy:T=/b.npy",
        "csv:/a.csv,label=y,test=/b.csv",
        "hf:user/name,split=train,n=100",
        "wds:/a/{000..010}.tar,test=/b.tar",
    ],
)
def test_absolute_paths_stay_as_they_are(text: str) -> None:
    assert with_absolute_paths(text) == text
    assert ",".join(part.text() for part in parse_source(text)) == text


def test_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert with_absolute_paths("folder:a/b,size=8") == f"folder:{tmp_path}/a/b,size=8"
    assert with_absolute_paths("X=npy:a.npy,T=csv:t.csv,label=y") == (
        f"X=npy:a={tmp_path}/a.npy,T=csv:{tmp_path}/t.csv,label=y"
    )
    assert with_absolute_paths("csv:a.csv,test=b.csv") == f"csv:{tmp_path}/a.csv,test={tmp_path}/b.csv"
    assert with_absolute_paths("hf:user/name") == "hf:user/name"


def test_arrays_by_name() -> None:
    assert array_paths("X=a.npy,Y=b,c.npy") == {"X": "a.npy", "Y": "b,c.npy"}
    assert array_paths("dir/a.npy") == {"a": "dir/a.npy"}
    with pytest.raises(DataError, match="`X` twice"):
        array_paths("X=a.npy,X=b.npy")


def test_flags_become_options() -> None:
    assert with_option("folder:/a,size=32", "size", 64, flag="--image-size") == "folder:/a,size=64"
    joined = with_option("X=folder:/a,T=npy:T=/b.npy", "size", 2, flag="--image-size")
    assert joined == "X=folder:/a,size=2,T=npy:T=/b.npy"
    both = with_option("X=folder:/a,T=npy:T=/b.npy", "skip", 2, flag="--skip-bad")
    assert both == "X=folder:/a,skip=2,T=npy:T=/b.npy,skip=2"
    with pytest.raises(DataError, match=r"`digits` takes no `--image-size`; .*`folder:`"):
        with_option("digits", "size", 64, flag="--image-size")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("folder", "`folder` does not say which data; write `folder:PATH`"),
        ("digits:3", "no data source `digits:3`"),
        ("foldr:/a", r"did you mean `folder`\?"),
        ("folder:/a,sise=3", r"no option `sise`; did you mean `size`\?"),
        ("folder:/a,size=1,size=2", "`size` twice"),
        ("X=npy:a.npy,X=npy:b.npy", "`X` is given two data sets"),
    ],
)
def test_texts_that_mean_nothing(text: str, message: str) -> None:
    with pytest.raises(DataError, match=message):
        parse_source(text)
