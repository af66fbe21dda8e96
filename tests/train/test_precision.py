"""Half precision with a scaled loss, compilation, and batches in parts, as a run uses them."""

import json
from pathlib import Path

import pytest
import torch

from mvib.train import SettingError, train_method
from mvib.train.config import Precision
from mvib.train.engine import start_engine
from mvib.train.errors import Interrupted
from mvib.train.events import Event, Noted, StepTaken
from mvib.train.optimizers import build_optimizer
from mvib.train.processes import Placement
from mvib.train.step import Broken, StepResult, take_step
from tests.train.sharing import build
from tests.train.small import BOTTLENECK, CONTRASTIVE, analysis_of, arrays, metrics

# Examples stay alone in it, but for the term.
LAYER_NORM = CONTRASTIVE.replace("conv(4, 8)", "conv(4, 8, norm: layer)").replace(
    "mlp(16, 8)", "mlp(16, 8, norm: layer)"
)


@pytest.mark.parametrize("precision", ["fp16", "bf16"])
def test_half_precision_learns_what_single_precision_does(precision: str, tmp_path: Path) -> None:
    losses: dict[str, list[float]] = {"fp32": [], precision: []}
    for name, found in losses.items():

        def keep(event: Event, found: list[float] = found) -> None:
            if isinstance(event, StepTaken):
                found.append(event.loss)

        analysis = analysis_of(CONTRASTIVE, {"train.precision": name})
        train_method(analysis, data=arrays(), out=tmp_path / name, on_event=keep)
    found, expected = losses[precision], losses["fp32"]
    assert found != expected
    # Before the first step the weights are the same. Later a step may have been left out.
    assert found[0] == pytest.approx(expected[0], rel=0.01)
    assert found[-1] < found[0] - 0.7 * (expected[0] - expected[-1])
    place = json.loads((tmp_path / precision / "checkpoint.json").read_text())
    assert ("scale" in place["scaler"]) == (precision == "fp16")


def test_the_scale_goes_on_with_the_run(tmp_path: Path) -> None:
    analysis = analysis_of(CONTRASTIVE, {"train.precision": "fp16"})
    train_method(analysis, data=arrays(), out=tmp_path / "whole")

    def stop(event: Event) -> None:
        if isinstance(event, StepTaken) and event.step == 3:
            raise KeyboardInterrupt

    with pytest.raises(Interrupted):
        train_method(analysis, data=arrays(), out=tmp_path / "stopped", on_event=stop)
    train_method(analysis, data=arrays(), resume=tmp_path / "stopped")
    files = [(tmp_path / folder / "checkpoint.safetensors").read_bytes() for folder in ("whole", "stopped")]
    assert files[0] == files[1]


def test_a_gradient_beyond_half_precision_leaves_the_step_out_and_lowers_the_scale() -> None:
    model, config, batches = build("simclr", rows=13)
    model.float()
    engine = start_engine(Placement())
    optimizer = build_optimizer(model, config.optimizer)
    scaler = torch.amp.GradScaler("cpu", init_scale=2.0**40, growth_interval=1000)
    compute = engine.join(model, precision=Precision.FP16, parts=1)
    batch = {name: value.float() for name, value in batches[0].items()}
    before = {name: value.clone() for name, value in model.named_parameters()}
    found = take_step(model, optimizer, batch, compute=compute, clip=1.0, scaler=scaler)
    assert isinstance(found, StepResult)
    assert found.gradient_norm is None
    assert scaler.get_scale() == 2.0**39
    assert all(torch.equal(value, before[name]) for name, value in model.named_parameters())
    for _ in range(40):
        found = take_step(model, optimizer, batch, compute=compute, clip=1.0, scaler=scaler)
        assert not isinstance(found, Broken)
        if found.gradient_norm is not None:
            break
    assert found.gradient_norm is not None
    assert not all(torch.equal(value, before[name]) for name, value in model.named_parameters())


def test_parts_of_a_batch_are_in_the_spec_and_change_nothing(tmp_path: Path) -> None:
    for parts in (1, 3):
        train_method(
            analysis_of(LAYER_NORM, {"train.accumulate": parts}), data=arrays(), out=tmp_path / str(parts), monitors=()
        )
    for one, other in zip(metrics(tmp_path / "1"), metrics(tmp_path / "3"), strict=True):
        assert other["loss"] == pytest.approx(one["loss"], rel=1e-5)
        assert other["gradient_norm"] == pytest.approx(one["gradient_norm"], rel=1e-4)
    assert "accumulate: 3" in (tmp_path / "3" / "spec.mvib").read_text()


def test_a_batch_that_is_too_small_for_its_parts_is_computed_in_fewer() -> None:
    # 67 training examples: the last batch has three, and batch normalisation takes two at least.
    text = BOTTLENECK.replace("batch: 32", "batch: 16").replace("mlp(16), dim", "mlp(16, 16), dim")
    runs = [train_method(analysis_of(text, {"train.accumulate": n}), data=arrays(number=84)) for n in (1, 4)]
    assert len(runs[1].history) == len(runs[0].history)
    with pytest.raises(SettingError, match="a batch of 16 examples has none for some of 1 processes of 9 parts"):
        train_method(analysis_of(text, {"train.accumulate": 9}), data=arrays())


def test_batch_normalisation_in_parts_is_said() -> None:
    notes: list[str] = []

    def note(event: Event) -> None:
        if isinstance(event, Noted):
            notes.append(event.text)

    train_method(analysis_of(CONTRASTIVE, {"train.accumulate": 2}), data=arrays(), epochs=1, on_event=note)
    (said,) = [text for text in notes if "parts" in text]
    assert said.startswith("batch normalisation in `")
    assert "`norm: layer`" in said
