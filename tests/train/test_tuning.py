"""Examples that are left out of training, to choose settings by."""

import json
from pathlib import Path

import torch

from mvib.train import load_run, train_method
from mvib.train.events import Event, Noted
from mvib.train.examples import load_examples
from tests.train.small import BOTTLENECK, analysis_of, arrays


def test_what_is_left_out_for_tuning_follows_the_seed_and_is_in_no_other_part() -> None:
    spec = analysis_of(BOTTLENECK, {"train.tuning": 0.25}).method
    assert spec is not None
    data = {"image": arrays()["image"], "label": arrays()["label"]}
    first, again, other = (load_examples(spec, data, seed=seed, tuning=0.25) for seed in (0, 0, 1))
    assert first.tuning is not None
    assert again.tuning is not None
    assert other.tuning is not None
    assert torch.equal(first.tuning.columns["X"].test[:], again.tuning.columns["X"].test[:])
    assert not torch.equal(first.tuning.columns["X"].test[:], other.tuning.columns["X"].test[:])
    parts = [first.columns["X"].train, first.tuning.columns["X"].test, first.columns["X"].test]
    rows = torch.cat([part[:].flatten(1) for part in parts])
    assert len({tuple(row) for row in rows.tolist()}) == len(data["image"])
    assert torch.equal(first.tuning.columns["X"].train[:], first.columns["X"].train[:])
    # A quarter of all 64, and of each class as nearly as can be.
    assert len(first.tuning.columns["Y"].test) == 16
    counts = [torch.bincount(part[:]).tolist() for part in (first.columns["Y"].train, first.tuning.columns["Y"].test)]
    assert all(abs(left - (kept + left) / 4) < 1 for kept, left in zip(*counts, strict=True))


def test_a_run_knows_what_it_left_out(tmp_path: Path) -> None:
    events: list[Event] = []
    analysis = analysis_of(BOTTLENECK, {"train.tuning": 0.25, "train.seed": 3})
    run = train_method(analysis, data=arrays(), out=tmp_path / "run", on_event=events.append)
    assert [event.text for event in events if isinstance(event, Noted)] == [
        "16 of 64 training examples are left out of training, to choose settings by (`tuning: 0.25`)",
        "16 examples are few to choose by: one is 6% of the accuracy",
    ]
    assert json.loads((tmp_path / "run" / "config.json").read_text())["examples"] == {"train": 48, "held_out": 16}
    loaded = load_run(tmp_path / "run", data=arrays())
    assert loaded.notes == ()
    assert loaded.examples.tuning is not None
    assert run.examples.tuning is not None
    found, expected = (one.examples.tuning.columns["X"].test[:] for one in (loaded, run))  # type: ignore[union-attr]
    assert torch.equal(found, expected)


def test_data_without_a_label_are_split_too() -> None:
    method = analysis_of(
        BOTTLENECK.replace(", Y: label", "")
        .replace("term label:  maximize I(Z; Y) by c\n", "")
        .replace("decoder c: Z ~> Y = categorical()\n", "")
    ).method
    assert method is not None
    examples = load_examples(method, {"image": arrays()["image"]}, tuning=0.25)
    assert examples.tuning is not None
    assert (examples.num_train, examples.tuning.num_held_out, examples.num_held_out) == (48, 16, 16)
