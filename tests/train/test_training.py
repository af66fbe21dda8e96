"""What the loop promises, whatever the method."""

import io
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from PIL import Image

import mvib
from mvib.data import DataError
from mvib.resources import bundled_specs
from mvib.semantics.inherit import apply_overrides
from mvib.syntax.formatter import format_spec
from mvib.train import Run, SettingError, load_run, train_method
from mvib.train.events import Event, Finished, Started, StepTaken
from mvib.train.reconstructions import draw_reconstructions
from tests.train.small import BOTTLENECK, CONTRASTIVE, METHODS, MOMENTUM, analysis_of, arrays, metrics


def train(text: str, out: Path | None = None, settings: dict[str, str | float] | None = None) -> Run:
    return train_method(analysis_of(text, settings), data=arrays(), out=out)


def refuse_constant(name: str) -> Any:
    raise AssertionError(f"{name} is no JSON")


@pytest.mark.parametrize("name", METHODS)
def test_two_runs_with_one_seed_are_equal_bit_for_bit(name: str, tmp_path: Path) -> None:
    for folder in ("a", "b"):
        train(METHODS[name], tmp_path / folder)
    for file in ("checkpoint.safetensors", "checkpoint.json", "spec.mvib", "config.json"):
        assert (tmp_path / "a" / file).read_bytes() == (tmp_path / "b" / file).read_bytes()
    assert metrics(tmp_path / "a") == metrics(tmp_path / "b")


def test_another_seed_gives_another_run() -> None:
    first, second = (train(CONTRASTIVE, settings={"train.seed": seed}) for seed in (0, 1))
    assert first.history[0].train.loss != second.history[0].train.loss


@pytest.mark.parametrize("name", METHODS)
def test_the_loss_goes_down(name: str) -> None:
    history = train(METHODS[name], settings={"train.epochs": 8}).history
    assert history[-1].train.loss < history[0].train.loss
    assert history[-1].held_out.loss < history[0].held_out.loss


def test_the_callers_random_numbers_and_settings_of_torch_are_left_alone() -> None:
    torch.manual_seed(3)
    before = torch.get_rng_state()
    train(CONTRASTIVE, settings={"train.epochs": 1})
    assert torch.equal(torch.get_rng_state(), before)
    assert not torch.are_deterministic_algorithms_enabled()


def test_untrained_weights_are_those_of_compile_after_the_seed() -> None:
    run = train(CONTRASTIVE, settings={"train.seed": 5})
    torch.manual_seed(5)
    compiled = mvib.compile(mvib.loads(CONTRASTIVE), (2, 1, 4, 4))
    expected, found = compiled.state_dict(), run.untrained().state_dict()
    assert all(torch.equal(found[name], value) for name, value in expected.items())
    assert any(not torch.equal(run.model.state_dict()[name], value) for name, value in expected.items())


def test_metrics_have_one_line_an_epoch_with_every_number_finite(tmp_path: Path) -> None:
    train(CONTRASTIVE, tmp_path / "run")
    lines = (tmp_path / "run" / "metrics.jsonl").read_text().splitlines()
    records = [json.loads(line, parse_constant=refuse_constant) for line in lines]
    assert [record["epoch"] for record in records] == [1, 2, 3, 4]
    assert [record["step"] for record in records] == [4, 8, 12, 16]
    assert [record["progress"] for record in records] == [0.25, 0.5, 0.75, 1.0]
    assert list(records[0]["terms"]) == list(records[0]["held_out"]["terms"]) == ["agree"]
    schedules = [next(iter(record["schedules"].values())) for record in records]
    assert schedules[-1] == pytest.approx(0.2)
    assert schedules == sorted(schedules, reverse=True)
    assert records[0]["lr"] == pytest.approx(1e-2)


def test_config_and_summary_say_what_was_done(tmp_path: Path) -> None:
    run = train_method(analysis_of(MOMENTUM), data=arrays(), out=tmp_path / "run", overrides={"m": "0.9"})
    config = json.loads((tmp_path / "run" / "config.json").read_text(), parse_constant=refuse_constant)
    assert config["settings"]["optimizer"].startswith("lars(0.1")
    assert config["overrides"] == {"m": "0.9"}
    assert config["examples"] == {"train": 64, "held_out": 16}
    assert set(config["versions"]) == {"mvib", "torch", "python"}
    assert config["parameters"]["untrained"] > 0
    summary = json.loads((tmp_path / "run" / "summary.json").read_text(), parse_constant=refuse_constant)
    assert summary == dict(run.summary)
    assert (tmp_path / "run" / "diagram.svg").read_text().lstrip().startswith("<")


def test_without_a_folder_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = mvib.train(mvib.loads(CONTRASTIVE), data=arrays(), epochs=1)
    assert run.folder is None
    assert list(tmp_path.iterdir()) == []
    assert run.encode(arrays()["image"]).shape == (80, 8)


def test_a_run_read_from_its_folder_encodes_as_the_trained_one(tmp_path: Path) -> None:
    run = train(BOTTLENECK, tmp_path / "run")
    loaded = load_run(tmp_path / "run", data=arrays())
    x = arrays()["image"]
    assert torch.equal(loaded.encode({"X": x}), run.encode(x))
    assert [record.train for record in loaded.history] == [record.train for record in run.history]


def test_events_tell_the_course_of_the_run(tmp_path: Path) -> None:
    events: list[Event] = []
    train_method(analysis_of(CONTRASTIVE), data=arrays(), out=tmp_path / "run", on_event=events.append)
    assert isinstance(events[0], Started)
    assert (events[0].steps, events[0].train_examples, events[0].terms) == (16, 64, ("agree",))
    assert [event.step for event in events if isinstance(event, StepTaken)] == list(range(1, 17))
    assert isinstance(events[-1], Finished)
    assert {path.name for path in events[-1].files} == {path.name for path in (tmp_path / "run").iterdir()}


def test_reconstructions_are_drawn_where_a_decoder_predicts_an_image(tmp_path: Path) -> None:
    train(BOTTLENECK, tmp_path / "run")
    with Image.open(tmp_path / "run" / "reconstructions.png") as picture:
        assert picture.size == (16 * 48 + 15 * 4, 2 * 48 + 4)


def test_reconstructions_show_all_of_a_held_out_part_that_lies_in_order_of_class() -> None:
    run = train(BOTTLENECK)
    shades = torch.tensor([0.0, 0.5, 1.0]).repeat_interleave(40)[:, None, None, None].expand(-1, 1, 4, 4)
    columns = {
        name: replace(column, test=shades if name == "X" else torch.arange(120) // 40)
        for name, column in run.examples.columns.items()
    }
    (png,) = draw_reconstructions(run.model, columns, torch.device("cpu")).values()
    with Image.open(io.BytesIO(png)) as picture:
        shown = [picture.getpixel((cell * 52 + 24, 24)) for cell in range(16)]
    assert [shown.count(shade) for shade in (0, 128, 255)] == [5, 6, 5]


def test_held_out_estimates_are_of_batches_of_all_classes_in_whatever_order_they_lie() -> None:
    classes = torch.arange(128) % 8
    images = (classes / 8)[:, None, None, None] + 0.1 * torch.rand(
        128, 1, 4, 4, generator=torch.Generator().manual_seed(0)
    )
    losses = []
    for order in (classes.argsort(stable=True), torch.arange(128)):
        data = {"image_train": images, "label_train": classes}
        data |= {"image_test": images[order], "label_test": classes[order]}
        run = train_method(analysis_of(CONTRASTIVE, {"train.epochs": 20}), data=data)
        losses.append(run.history[-1].held_out.loss)
    # The batches differ, and their views. Batches of one class each would have 1.5 nats more.
    assert losses[0] == pytest.approx(losses[1], abs=0.2)


def test_networks_may_run_in_half_precision() -> None:
    run = train(CONTRASTIVE, settings={"train.precision": "bf16"})
    assert run.history[-1].train.loss < run.history[0].train.loss
    assert all(parameter.dtype is torch.float32 for parameter in run.model.parameters())


def test_gradients_are_clipped_to_the_norm_asked_for() -> None:
    tight: dict[str, str | float] = {
        "train.clip": 1e-6,
        "train.optimizer": "sgd(lr: 1, momentum: 0)",
        "train.epochs": 1,
    }
    run = train(BOTTLENECK, settings=tight)
    pairs = zip(run.model.parameters(), run.untrained().parameters(), strict=True)
    change = torch.cat([(after - before).detach().flatten() for after, before in pairs]).norm().item()
    # Two steps of norm 1e-6, and the rounding of weights to float32.
    assert 0 < change < 4e-6


def test_an_incomplete_batch_is_used_where_the_examples_do_not_couple() -> None:
    coupled = train(CONTRASTIVE, settings={"train.batch": 24, "train.epochs": 1})
    alone = train(BOTTLENECK, settings={"train.batch": 24, "train.epochs": 1})
    assert (coupled.history[-1].step, alone.history[-1].step) == (2, 3)


def test_a_rest_of_one_example_is_no_batch() -> None:
    assert train(BOTTLENECK, settings={"train.batch": 63, "train.epochs": 1}).history[-1].step == 1


def test_a_batch_larger_than_the_data_is_refused() -> None:
    message = "a batch of 256 examples is asked for, and there are 64; write `--set train.batch=64`"
    with pytest.raises(SettingError, match=message):
        train(BOTTLENECK, settings={"train.batch": 256})


@pytest.mark.parametrize("epochs", [0, -1])
def test_no_epochs_are_refused(epochs: int) -> None:
    with pytest.raises(SettingError, match="training takes at least one"):
        mvib.train(mvib.loads(CONTRASTIVE), data=arrays(), epochs=epochs)


def test_data_without_an_image_are_refused() -> None:
    with pytest.raises(DataError, match="no column of type image left for `X`"):
        mvib.train(mvib.loads(CONTRASTIVE), data={"v": torch.rand(80, 3)})


def test_a_device_that_is_not_there_is_refused() -> None:
    with pytest.raises(SettingError, match="there is no device `tpu`"):
        mvib.train(mvib.loads(CONTRASTIVE), data=arrays(), device="tpu")


@pytest.mark.parametrize("name", [*bundled_specs(), *METHODS])
def test_the_spec_of_a_run_folder_means_what_the_method_means(name: str) -> None:
    method = (mvib.loads(METHODS[name]) if name in METHODS else mvib.load(name)).method
    spec, _ = apply_overrides(method.spec, ())
    again = mvib.loads(format_spec(spec)).method
    assert again == method


def test_epochs_and_data_given_from_outside_are_in_the_spec_of_the_folder(tmp_path: Path) -> None:
    mvib.train(mvib.loads(CONTRASTIVE), data=arrays(), epochs=1, out=tmp_path / "run")
    text = (tmp_path / "run" / "spec.mvib").read_text()
    assert mvib.loads(text).method.settings["epochs"] == 1
