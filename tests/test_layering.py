"""The order of the packages, held as a list: a package imports only from layers above its own line."""

import ast
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "mvib"

# Lowest first. Members of one layer do not import each other. `__init__` is the front door, `mvib` itself.
LAYERS: tuple[tuple[str, ...], ...] = (
    ("source", "inside", "launched", "reading", "resources", "version"),
    ("writing",),
    ("diagnostics",),
    ("syntax",),
    ("catalogue",),
    ("semantics",),
    ("graph",),
    ("theory",),
    ("checks", "render", "plan"),
    ("driver",),
    ("estimators",),
    ("nn", "data"),
    ("compile",),
    ("train", "evaluate"),
    ("export", "lightning"),
    ("report",),
    ("api",),
    ("cli",),
    ("__init__",),
    ("__main__",),
)

# Packages of others that have one door, and the module that is the door.
DOORS = {
    "lark": "mvib/syntax/parser.py",
    "subprocess": "mvib/render/image.py",
}

FIRST_WITH_TORCH = "estimators"
TORCH_FREE_MODULES = ("mvib", "mvib.driver", "mvib.cli.main")

LEVEL = {name: level for level, names in enumerate(LAYERS) for name in names}


@dataclass(frozen=True, slots=True, kw_only=True)
class Import:
    file: Path
    line: int
    module: str

    @property
    def place(self) -> str:
        return f"{self.file.relative_to(PACKAGE.parent).as_posix()}:{self.line}"

    @property
    def importer(self) -> str:
        return self.file.relative_to(PACKAGE).parts[0].removesuffix(".py")

    @property
    def imported(self) -> str:
        """The member of `mvib` that is imported, or the top-level package of others."""
        root, _, rest = self.module.partition(".")
        return rest.partition(".")[0] or "__init__" if root == "mvib" else root

    @property
    def is_ours(self) -> bool:
        return self.module.partition(".")[0] == "mvib"


def _modules(node: ast.AST) -> Iterator[str]:
    match node:
        case ast.Import(names=names):
            yield from (alias.name for alias in names)
        case ast.ImportFrom(module="mvib", names=names):
            # `from mvib import graph` is the package `graph`; `from mvib import load` is the front door.
            yield from (f"mvib.{alias.name}" if alias.name in LEVEL else "mvib" for alias in names)
        case ast.ImportFrom(module=str(module), level=0):
            yield module
        case ast.ImportFrom():
            yield "a relative import"


def find_imports(file: Path) -> Iterator[Import]:
    """Every import of a file, those inside functions and `if TYPE_CHECKING` included."""
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), filename=str(file))):
        for module in _modules(node):
            yield Import(file=file, line=getattr(node, "lineno", 0), module=module)


def faults_of_direction(found: Import) -> Iterator[str]:
    if found.module == "a relative import":
        yield f"{found.place}: a relative import; write `from mvib.x import y`"
    elif found.is_ours and found.imported not in LEVEL:
        yield f"{found.place}: `{found.imported}` has no place in LAYERS"
    elif found.is_ours and found.importer != found.imported and LEVEL[found.imported] >= LEVEL[found.importer]:
        yield f"{found.place}: `{found.importer}` may not import `{found.imported}`"


@pytest.fixture(scope="module")
def all_imports() -> list[Import]:
    return [found for file in sorted(PACKAGE.rglob("*.py")) for found in find_imports(file)]


def test_every_module_has_a_place() -> None:
    names = {path.relative_to(PACKAGE).parts[0].removesuffix(".py") for path in PACKAGE.rglob("*.py")}
    assert names <= set(LEVEL), f"add to LAYERS: {sorted(names - set(LEVEL))}"


def test_imports_point_downward(all_imports: list[Import]) -> None:
    assert [fault for found in all_imports for fault in faults_of_direction(found)] == []


def test_the_specification_side_does_not_name_torch(all_imports: list[Import]) -> None:
    low = {name for name, level in LEVEL.items() if level < LEVEL[FIRST_WITH_TORCH]}
    assert [found.place for found in all_imports if found.imported == "torch" and found.importer in low] == []


@pytest.mark.parametrize("package", DOORS)
def test_one_door(package: str, all_imports: list[Import]) -> None:
    places = [found.place for found in all_imports if found.imported == package]
    assert [place for place in places if not place.startswith(f"{DOORS[package]}:")] == []


@pytest.mark.parametrize("module", TORCH_FREE_MODULES)
def test_importing_leaves_torch_alone(module: str) -> None:
    code = f"import {module}, sys; print('torch' in sys.modules)"
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (result.stdout.strip(), result.stderr) == ("False", "")


@pytest.mark.parametrize(
    ("importer", "line", "fault"),
    [
        ("graph/build.py", "from mvib.compile import build_module", "`graph` may not import `compile`"),
        ("plan/select.py", "import mvib.checks.bounds", "`plan` may not import `checks`"),
        ("source.py", "def f():\n    from mvib import diagnostics", "`source` may not import `diagnostics`"),
        ("driver.py", "from mvib import load", "`driver` may not import `__init__`"),
        ("graph/build.py", "from . import paths", "a relative import"),
        ("graph/build.py", "import mvib.misc", "`misc` has no place in LAYERS"),
    ],
)
def test_an_upward_import_is_seen(importer: str, line: str, fault: str) -> None:
    (module,) = (module for node in ast.walk(ast.parse(line)) for module in _modules(node))
    (text,) = faults_of_direction(Import(file=PACKAGE / importer, line=1, module=module))
    assert fault in text
