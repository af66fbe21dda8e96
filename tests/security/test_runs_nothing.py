"""A spec is data: what looks at one runs, imports and opens nothing but itself, the spec and what it writes.

The verbs run under an audit hook of the interpreter, in a process of their own.
"""

import ast
import json
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest

from tests.security.hostile import HARMLESS, HOSTILE, NEVER_IMPORTED

ROOT = Path(__file__).parents[2]
WATCH = """
import json, os, sys
report = sys.argv[1]
events = []
WATCHED = (
    "open", "import", "exec", "compile", "os.system", "os.exec", "os.posix_spawn", "os.spawn", "os.fork", "os.remove",
    "os.rename", "os.mkdir", "os.link", "os.symlink", "os.putenv", "os.chmod", "subprocess.", "socket.",
    "ctypes.dlopen",    "pickle.", "marshal.load", "shutil.", "urllib.", "webbrowser.", "pty.", "code.__new__",
)
on = True

def text(value):
    if hasattr(value, "co_filename"):
        return "code of " + value.co_filename
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)

def watch(event, arguments):
    if on and event.startswith(WATCHED):
        events.append([event, *[text(argument)[:20000] for argument in arguments[:3]]])

sys.addaudithook(watch)
from mvib.cli.main import main
found = {}
for name, arguments in json.loads(sys.argv[2]).items():
    del events[:]
    sys.argv = ["mvib", *arguments]
    try:
        code = main()
    except SystemExit as exit:
        code = exit.code
    found[name] = {"code": code, "events": list(events), "modules": sorted(sys.modules)}
on = False
with open(report, "w") as file:
    json.dump(found, file)
"""

VERBS = {
    "check": ["check", "FILE"],
    "check-json": ["check", "FILE", "--format", "json"],
    "fmt": ["fmt", "--check", "FILE"],
    "show": ["show", "FILE"],
    "show-latex": ["show", "FILE", "--format", "latex"],
    "prove": ["prove", "FILE"],
    "diff": ["diff", "FILE", "FILE"],
    "render-dot": ["render", "FILE", "-o", "OUT/diagram.dot"],
    "render-tex": ["render", "FILE", "-o", "OUT/diagram.tex"],
    "render-mmd": ["render", "FILE", "-o", "OUT/diagram.mmd"],
    "render-svg": ["render", "FILE", "-o", "OUT/diagram.svg"],
}


Found = dict[str, dict[str, Any]]


def watched(spec: str, folder: Path) -> Found:
    """The exit code, the events and the modules of every verb on a spec."""
    (folder / "out").mkdir(parents=True)
    (folder / "spec.mvib").write_text(spec, encoding="utf-8")
    places = {"FILE": str(folder / "spec.mvib"), "OUT": str(folder / "out")}
    verbs = {
        name: [argument.replace("FILE", places["FILE"]).replace("OUT", places["OUT"]) for argument in arguments]
        for name, arguments in VERBS.items()
    }
    subprocess.run(
        [sys.executable, "-B", "-c", WATCH, str(folder / "report.json"), json.dumps(verbs)],
        capture_output=True,
        check=True,
        cwd=ROOT,
    )
    found: Found = json.loads((folder / "report.json").read_text())
    return found


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("hostile").resolve()


@pytest.fixture(scope="module")
def hostile(folder: Path) -> Found:
    return watched(HOSTILE, folder / "hostile")


@pytest.fixture(scope="module")
def harmless(folder: Path) -> Found:
    return watched(HARMLESS, folder / "harmless")


@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_opens_and_runs_nothing_else(verb: str, hostile: Found, folder: Path) -> None:
    folder = folder / "hostile"
    assert hostile[verb]["code"] in ({0, None} if verb != "fmt" else {1})
    events = hostile[verb]["events"]

    # Read: our files, the interpreter's, those of our dependencies, the spec. Written: what was asked for.
    own = [ROOT / "mvib", ROOT / "grammar", ROOT / "specs", ROOT / "docs", Path(sys.prefix), Path(sys.base_prefix)]
    own += [Path(path) for path in sysconfig.get_paths().values()]
    for path, mode in [(event[1], event[2]) for event in events if event[0] == "open"]:
        if path.isdigit() or path == "/dev/null":
            continue  # a stream of this process, or of the layout program
        place = Path(path).resolve()
        inside = folder / "out" in (place, *place.parents)
        if set(mode) & set("wax+"):
            assert inside, (path, mode)
        elif not inside and place not in {folder / "spec.mvib", ROOT}:
            assert any(root.resolve() in (place, *place.parents) for root in own), path

    # Nothing that stands in the spec is compiled or run; no other program but the one that draws.
    for event in events:
        if event[0] == "compile":
            assert "__import__('os')" not in event[1]
            assert "owned" not in event[1]
        if event[0] == "exec":
            assert str(folder) not in event[1]
    started = [event[1] for event in events if event[0].startswith(("subprocess.", "os.posix_spawn", "os.exec"))]
    if verb == "render-svg":
        assert {Path(program).name for program in started} <= {"dot", "graphviz-pure"}
    else:
        assert started == []
    forbidden = ("socket.connect", "socket.bind", "os.system", "pickle.", "urllib.", "webbrowser.", "pty.")
    assert [event for event in events if event[0].startswith(forbidden)] == []


@pytest.mark.parametrize("verb", VERBS)
def test_a_name_imports_nothing(verb: str, hostile: Found, harmless: Found) -> None:
    # The same modules as for a spec without names of modules.
    assert hostile[verb]["modules"] == harmless[verb]["modules"]
    assert not NEVER_IMPORTED & set(hostile[verb]["modules"])


def test_no_module_of_ours_unpickles_or_evaluates() -> None:
    called = {"eval", "exec", "__import__", "compile"}
    imported = {"pickle", "marshal", "shelve", "dill", "cloudpickle", "joblib", "runpy", "code", "yaml"}
    for path in sorted((ROOT / "mvib").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            match node:
                case ast.Call(func=ast.Name(id=name)):
                    assert name not in called, f"{path}:{node.lineno}"
                case ast.Call(func=ast.Attribute(value=ast.Name(id="torch"), attr=name)):
                    assert name != "load", f"{path}:{node.lineno}"
                case ast.Import(names=names):
                    assert not imported & {alias.name for alias in names}, f"{path}:{node.lineno}"
                case ast.ImportFrom(module=name):
                    assert name not in imported, f"{path}:{node.lineno}"
                case ast.keyword(arg="allow_pickle", value=value):
                    assert isinstance(value, ast.Constant), path
                    assert value.value is False, path
