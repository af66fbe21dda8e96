"""A spec is somebody else's text: analysing it opens nothing but specs and our own files, and runs nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.semantics.spec_text import TWO_VIEWS, analysed, slugs, write_specs

TESTS = Path(__file__).parents[1]
PACKAGE = TESTS.parent / "mvib"

# Analyses the specs given as arguments under an audit hook, and prints what happened meanwhile.
WATCH = """
import json, sys
import scipy.optimize, scipy.sparse
import mvib.theory.claims
from mvib.driver import analyse, read_source

# What is loaded once, at the first spec, is no work of a spec: the grammar, the parser's tables, a codec.
for name in sys.argv[1:3]:
    analyse(read_source(name))
events, before = [], set(sys.modules)
watched = (
    "exec", "compile", "os.system", "os.exec", "os.posix", "os.spawn", "os.fork", "os.remove", "os.rename", "os.mkdir",
    "os.putenv", "subprocess.", "socket.", "ctypes.", "pickle.", "marshal.", "shutil.", "tempfile.", "urllib.",
)
on = True

def watch(event, arguments):
    if not on:
        return
    if event == "open":
        events.append([event, str(arguments[0]), str(arguments[1])])
    elif event == "import":
        events.append([event, str(arguments[0])])
    elif event.startswith(watched):
        events.append([event, repr(arguments)[:100]])

sys.addaudithook(watch)
for name in sys.argv[1:]:
    analyse(read_source(name))
on = False
print(json.dumps({"events": events, "modules": sorted(set(sys.modules) - before)}))
"""

HOSTILE = {
    "names.mvib": "method os\ndata X: image\nencoder __import__: X -> Z = eval(os)\nmaximize H(Z) by subprocess(run)\n",
    "strings.mvib": "method M\nabout \"__import__('os').system('true')\"\ndata X: image\n"
    "encoder f: X -> Z = backbone()\nmaximize H(Z) by variance_covariance()\n"
    'train { data: "npz:/etc/passwd"  backbone: open("/etc/passwd") }\n',
    "paths.mvib": 'method M extends "/etc/passwd"\n',
    "outside.mvib": 'method M extends "../../../../etc/hosts.mvib"\n',
    "plugin.mvib": "method M\ndata X: image\nencoder f: X -> Z = numpy.linalg()\nmaximize H(Z) by torch()\n",
    "child.mvib": 'method C extends "folder/parent.mvib"\n',
    "folder/parent.mvib": TWO_VIEWS + "maximize I(Z[1]; Z[2]) by infonce()\n",
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[list[str]], list[str]]:
    folder = tmp_path_factory.mktemp("hostile")
    write_specs(folder, HOSTILE)
    specs = [str(folder / name) for name in HOSTILE]
    specs += [str(path) for path in sorted((TESTS / "good").glob("*.mvib"))]
    specs += [str(path) for path in sorted((TESTS / "bad").glob("*/*.mvib"))]
    known = [next(name for name in specs if f"/{folder}/" in name) for folder in ("good", "bad")]
    result = subprocess.run([sys.executable, "-c", WATCH, *known, *specs], capture_output=True, text=True, check=True)
    found = json.loads(result.stdout)
    return folder, found["events"], found["modules"]


def test_only_specs_are_opened_and_only_for_reading(watched: tuple[Path, list[list[str]], list[str]]) -> None:
    folder, events, _ = watched
    opened = [(Path(event[1]), event[2]) for event in events if event[0] == "open"]
    assert opened
    roots = (folder, TESTS, TESTS.parent / "specs", PACKAGE)
    for path, mode in opened:
        assert path.suffix == ".mvib", path
        assert mode == "r", path
        assert any(root in path.resolve().parents for root in roots), path


def test_nothing_is_run_or_imported(watched: tuple[Path, list[list[str]], list[str]]) -> None:
    _, events, modules = watched
    assert [event for event in events if event[0] not in {"open"}] == []
    assert modules == []


def test_no_name_of_a_spec_reaches_python() -> None:
    text = "method M\ndata __class__: image\nencoder __init__: __class__ -> __dict__ = backbone()\n"
    assert slugs(text + "maximize H(__dict__) by variance_covariance()\n") == []


@pytest.mark.parametrize(
    "text",
    [
        "view X[i: 1..1000, j: 1..1000] ~ augment(X)\n",
        "view X[i: 1..1000] ~ augment(X)\nencoder f: X[i] -> Z[i] = mlp(4)\n"
        "maximize mean(i, j, k) I(Z[i]; Z[j] | Z[k]) by infonce()\n",
        "view X[i: 1..9999999999999999999999] ~ augment(X)\n",
        "view X[i: 1..2] ~ augment(X)\nmaximize mean(i in 1..2 * 99999999999) H(X[i]) by variance_covariance()\n",
        "encoder q[i: 1..1000, j: 1..1000, k: 1..1000]: X -> Z[i,j,k] = mlp(4)\n",
    ],
)
def test_large_ranges_are_refused_before_anything_is_expanded(text: str) -> None:
    analysis = analysed("method M\ndata X: image\n" + text)
    assert [diagnostic.slug for diagnostic in analysis.diagnostics] == ["range-too-large"]
