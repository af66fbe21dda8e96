import os
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from pathlib import Path

import pytest

from mvib import resources

ROOT = Path(__file__).parents[1]

# One worker builds once for all tests of this file.
pytestmark = pytest.mark.xdist_group("packaging")


def _run(*command: str | Path, folder: Path) -> str:
    """What a command prints, run in a folder without the checkout on the import path."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert result.returncode == 0, f"{command} ended with {result.returncode}\n{result.stdout}{result.stderr}"
    return result.stdout


def _build(target: str, folder: Path) -> Path:
    _run(sys.executable, "-m", "hatchling", "build", "--target", target, "--directory", folder, folder=ROOT)
    (built,) = folder.iterdir()
    return built


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("wheel", tmp_path_factory.mktemp("wheel"))


@pytest.fixture(scope="module")
def sdist(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _build("sdist", tmp_path_factory.mktemp("sdist"))


@pytest.fixture(scope="module")
def clean_bin(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of commands of a new virtual environment that holds the wheel alone."""
    home = tmp_path_factory.mktemp("clean")
    venv.create(home, symlinks=True)
    python = home / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--python", python, "--quiet", "--disable-pip-version-check")
    _run(*pip, "install", "--no-index", "--no-deps", wheel, folder=home)
    # The dependencies are lent by the running environment. A path named in a .pth file comes after the wheel, and the
    # .pth files that lie in it, an editable install of this checkout among them, are not read.
    site = Path(_run(python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))", folder=home).strip())
    lent = {sysconfig.get_path("purelib"), sysconfig.get_path("platlib")}
    (site / "lent.pth").write_text("\n".join(sorted(lent)) + "\n", encoding="utf-8")
    return home / "bin"


def _wheel_names(wheel: Path) -> set[str]:
    with zipfile.ZipFile(wheel) as archive:
        return set(archive.namelist())


def _resource_names() -> set[str]:
    return {"grammar/mvib.lark", *(f"specs/{name}.mvib" for name in resources.bundled_specs())}


def test_the_checkout_has_its_resources_beside_the_package() -> None:
    assert resources.specs_folder() == ROOT / "specs"
    assert resources.grammar_text() == (ROOT / "grammar" / "mvib.lark").read_text(encoding="utf-8")
    assert "vicreg" in resources.bundled_specs()


def test_the_wheel_carries_grammar_specs_and_types(wheel: Path) -> None:
    assert {f"mvib/{name}" for name in _resource_names()} | {"mvib/py.typed"} <= _wheel_names(wheel)


def test_the_wheel_carries_nothing_beside_the_package(wheel: Path) -> None:
    folders = {name.split("/")[0] for name in _wheel_names(wheel)}
    assert {folder for folder in folders if not folder.endswith(".dist-info")} == {"mvib"}


def test_the_sdist_carries_grammar_and_specs(sdist: Path) -> None:
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert _resource_names() | {"LICENSE", "README.md", "pyproject.toml"} <= names


def test_the_installed_wheel_reads_its_own_resources(clean_bin: Path, tmp_path: Path) -> None:
    code = "from mvib import resources; print(resources.specs_folder()); print(len(resources.grammar_text()))"
    folder, length = _run(clean_bin / "python", "-c", code, folder=tmp_path).splitlines()
    assert Path(folder).is_relative_to(clean_bin.parent)
    assert int(length) == len(resources.grammar_text())


def test_the_installed_command_checks_a_bundled_spec(clean_bin: Path, tmp_path: Path) -> None:
    _run(clean_bin / "mvib", "check", "vicreg", folder=tmp_path)
