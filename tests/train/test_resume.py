"""A run that stops and goes on has the same bits as one that does not stop."""

import json
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

import pytest
import torch

from mvib.train import FolderError, Interrupted, SettingError, train_method
from mvib.train.engine import Engine
from mvib.train.events import EpochEnded, Event, StepTaken, ignore_event
from mvib.train.folder import open_folder
from mvib.train.going_on import go_on
from tests.train.small import BOTTLENECK, CONTRASTIVE, METHODS, MOMENTUM, analysis_of, arrays, metrics


class Crash(Exception):
    """Stands for a machine that goes down."""


def stop_at(step: int, error: type[BaseException]) -> Callable[[Event], None]:
    def observe(event: Event) -> None:
        if isinstance(event, StepTaken) and event.step == step:
            raise error("stopped here")

    return observe


def assert_same_run(first: Path, second: Path) -> None:
    assert metrics(first) == metrics(second)
    assert (first / "checkpoint.safetensors").read_bytes() == (second / "checkpoint.safetensors").read_bytes()


@pytest.fixture(scope="module")
def unbroken(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with an uninterrupted run of every method."""
    root = tmp_path_factory.mktemp("unbroken")
    for name, text in METHODS.items():
        train_method(analysis_of(text), data=arrays(), out=root / name)
    return root


# In the middle of the first epoch, at its end, and in the middle of a later one.
@pytest.mark.parametrize("step", [1, 2, 3])
@pytest.mark.parametrize("name", METHODS)
def test_an_interrupted_run_goes_on_from_its_very_step(name: str, step: int, tmp_path: Path, unbroken: Path) -> None:
    analysis = analysis_of(METHODS[name])
    with pytest.raises(Interrupted, match=f"interrupted after {step} steps; its checkpoint is in"):
        train_method(analysis, data=arrays(), out=tmp_path / "run", on_event=stop_at(step, KeyboardInterrupt))
    assert json.loads((tmp_path / "run" / "checkpoint.json").read_text())["step"] == step
    train_method(analysis, data=arrays(), resume=tmp_path / "run")
    assert_same_run(tmp_path / "run", unbroken / name)


@pytest.mark.parametrize("step", [1, 10, 15])
def test_a_run_that_crashed_goes_on_from_its_last_checkpoint(step: int, tmp_path: Path, unbroken: Path) -> None:
    analysis = analysis_of(CONTRASTIVE)
    with pytest.raises(Crash, match="stopped here"):
        train_method(analysis, data=arrays(), out=tmp_path / "run", on_event=stop_at(step, Crash))
    with (tmp_path / "run" / "metrics.jsonl").open("a") as stream:
        stream.write('{"epoch": 9, "st')
    train_method(analysis, data=arrays(), resume=tmp_path / "run")
    assert_same_run(tmp_path / "run", unbroken / "contrastive")


def test_a_run_may_stop_at_the_end_of_every_epoch(tmp_path: Path, unbroken: Path) -> None:
    analysis = analysis_of(MOMENTUM)

    def stop(event: Event) -> None:
        if isinstance(event, EpochEnded):
            raise KeyboardInterrupt

    with pytest.raises(Interrupted, match="interrupted"):
        train_method(analysis, data=arrays(), out=tmp_path / "run", on_event=stop)
    for _ in range(2):
        with pytest.raises(Interrupted, match="interrupted"):
            train_method(analysis, data=arrays(), resume=tmp_path / "run", on_event=stop)
    train_method(analysis, data=arrays(), resume=tmp_path / "run")
    assert_same_run(tmp_path / "run", unbroken / "momentum")


def test_control_c_waits_for_the_step_in_progress(tmp_path: Path) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)

    def press(event: Event) -> None:
        if isinstance(event, StepTaken) and event.step == 3:
            signal.raise_signal(signal.SIGINT)

    try:
        with pytest.raises(Interrupted, match="interrupted after 3 steps"):
            train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "run", on_event=press)
        assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
    finally:
        signal.signal(signal.SIGINT, before)


def test_going_on_with_a_complete_run_changes_nothing(tmp_path: Path, unbroken: Path) -> None:
    shutil.copytree(unbroken / "bottleneck", tmp_path / "run")
    run = train_method(analysis_of(BOTTLENECK), data=arrays(), resume=tmp_path / "run")
    assert len(run.history) == 2
    assert_same_run(tmp_path / "run", unbroken / "bottleneck")


class SecondOfTwo:
    """Stands for the engine of a process beside the first, which has found another checkpoint."""

    is_first = False

    def __init__(self) -> None:
        self.has_failed = False

    def first(self, action: Callable[[], Any]) -> None:
        return None

    def each(self, action: Callable[[], Any]) -> Any:
        try:
            return action()
        except Exception:
            self.has_failed = True
            raise

    def gather(self, lines: list[tuple[str, str]]) -> list[tuple[str, str]]:
        return [("blake2b:0", ""), *lines]


def test_a_checkpoint_of_the_same_step_and_other_content_is_refused(tmp_path: Path, unbroken: Path) -> None:
    shutil.copytree(unbroken / "bottleneck", tmp_path / "run")
    folder, engine = open_folder(tmp_path / "run"), SecondOfTwo()
    nothing, alike = cast(Any, None), cast(Engine, engine)
    with pytest.raises(FolderError, match="the processes find other checkpoints in"):
        go_on(nothing, nothing, folder, engine=alike, observer=ignore_event)
    # What this one cannot read the others hear of: they would wait for it.
    folder.checkpoint.write_bytes(b"")
    with pytest.raises(FolderError, match="cannot be used"):
        go_on(nothing, nothing, folder, engine=alike, observer=ignore_event)
    assert engine.has_failed


def test_another_spec_is_refused_with_the_line_that_differs(unbroken: Path) -> None:
    with pytest.raises(
        FolderError, match=r"another spec: it has `.*0\.5 -> 0\.2\)`, and not `param temperature = 0\.1`"
    ):
        train_method(analysis_of(CONTRASTIVE, {"temperature": 0.1}), data=arrays(), resume=unbroken / "contrastive")


def test_another_number_of_epochs_is_refused(unbroken: Path) -> None:
    with pytest.raises(FolderError, match="another number of epochs: 4, and not 5"):
        train_method(analysis_of(CONTRASTIVE), data=arrays(), epochs=5, resume=unbroken / "contrastive")


def test_other_data_are_refused(unbroken: Path) -> None:
    changed = arrays()
    changed["image"][0, 0, 0, 0] += 0.5
    with pytest.raises(FolderError, match="are not those that the run"):
        train_method(analysis_of(CONTRASTIVE), data=changed, resume=unbroken / "contrastive")


def test_arrays_must_be_given_again(unbroken: Path) -> None:
    with pytest.raises(FolderError, match="was trained on arrays; give the same arrays again"):
        train_method(analysis_of(CONTRASTIVE), resume=unbroken / "contrastive")


def test_a_run_goes_on_in_its_own_folder(unbroken: Path, tmp_path: Path) -> None:
    with pytest.raises(SettingError, match="goes on in its own folder"):
        train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path, resume=unbroken / "contrastive")


def test_threads_of_the_test_are_those_of_the_run(unbroken: Path) -> None:
    config = json.loads((unbroken / "contrastive" / "config.json").read_text())
    assert config["threads"] == torch.get_num_threads()
