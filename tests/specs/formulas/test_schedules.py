"""What the train blocks and the parameters schedule, against the authors' schedules."""

import math

import pytest

import mvib
from mvib.semantics.values import value_at
from mvib.train.config import read_config
from tests.specs.formulas.common import compiled


def cosine_scheduler(base: float, final: float, progress: float) -> float:
    """`utils.cosine_scheduler` of DINO, without warm-up."""
    return final + 0.5 * (base - final) * (1 + math.cos(math.pi * progress))


@pytest.mark.parametrize("spec", ["dino", "ibot", "msn", "ijepa"])
@pytest.mark.parametrize("progress", [0.0, 0.3, 1.0])
def test_weight_decay_rises_along_a_cosine(spec: str, progress: float) -> None:
    """0.04 to 0.4 in main_dino.py, main_ibot.py, msn_vits16.yaml and in1k_vith14_ep300.yaml."""
    config = read_config(mvib.load(spec).method)
    expected = cosine_scheduler(0.04, 0.4, progress)
    assert value_at(config.weight_decay, progress) == pytest.approx(expected, abs=1e-12)


@pytest.mark.parametrize("spec", ["dino", "ibot", "msn"])
def test_gradients_are_clipped(spec: str) -> None:
    """`clip_grad` of main_dino.py, main_ibot.py and msn_vits16.yaml is 3.0."""
    assert read_config(mvib.load(spec).method).clip == 3


@pytest.mark.parametrize("progress", [0.0, 0.25, 1.0])
@pytest.mark.parametrize(
    ("spec", "start", "copies"),
    [
        ("byol", 0.99, ("ft", "gt")),
        ("c_byol", 0.99, ("ft", "gt")),
        ("dino", 0.97, ("ft", "gt", "pt")),
        ("moco_v3", 0.99, ("fk", "gk")),
    ],
)
def test_momentum_rises_along_a_cosine(spec: str, start: float, copies: tuple[str, ...], progress: float) -> None:
    """The starts are those of fewer epochs than the papers'; the form is theirs."""
    values = compiled(spec, progress=progress).model.schedule_values()
    found = {name: value for name, value in values.items() if name.endswith(".momentum")}
    assert set(found) == {f"{name}.momentum" for name in copies}
    assert list(found.values()) == pytest.approx([cosine_scheduler(start, 1, progress)] * len(copies), abs=1e-12)


@pytest.mark.parametrize(("progress", "temperature"), [(0.0, 0.02), (0.15, 0.03), (0.3, 0.04), (1.0, 0.04)])
def test_the_temperature_of_dino_rises_in_a_straight_line_over_three_tenths(
    progress: float, temperature: float
) -> None:
    values = compiled("dino", progress=progress).model.schedule_values()
    assert values["q.temperature"] == pytest.approx(temperature, abs=1e-12)
