"""Parameters and schedules: their values over training, and parameters that use parameters."""

import math

import pytest

from mvib.semantics.values import Schedule, Scheduled, is_constant, scalar_text, value_at
from tests.semantics.spec_text import AUTOENCODER, resolved, slugs


def value(text: str, progress: float) -> float:
    """The value of `param p = TEXT` at a progress."""
    return value_at(resolved(with_parameter(f"p = {text}")).parameters["p"].value, progress)


def with_parameter(*parameters: str) -> str:
    declared = "".join(f"param {parameter}\n" for parameter in parameters)
    return (
        AUTOENCODER.replace("data ", declared + "data ")
        + "minimize p * I(X; Z) by rate(normal)\nminimize H(X | Z) by d\n"
    )


@pytest.mark.parametrize(
    ("schedule", "values"),
    [
        ("linear(1 -> 3)", {0: 1, 0.25: 1.5, 0.5: 2, 1: 3}),
        ("linear(3 -> 1)", {0: 3, 0.5: 2, 1: 1}),
        ("cosine(0.996 -> 1)", {0: 0.996, 0.5: 0.998, 1: 1}),
        ("cosine(0 -> 1)", {0.25: (1 - math.cos(math.pi / 4)) / 2}),
        ("exponential(1e-6 -> 1e-2)", {0: 1e-6, 0.25: 1e-5, 0.5: 1e-4, 1: 1e-2}),
        ("step(1 -> 2, at: 0.25)", {0: 1, 0.24: 1, 0.25: 2, 1: 2}),
        ("step(1 -> 2)", {0.49: 1, 0.5: 2}),
        # The warm-up rises to the first value, and the shape runs over what is left.
        ("linear(1 -> 3, warmup: 0.2)", {0: 0, 0.1: 0.5, 0.2: 1, 0.6: 2, 1: 3}),
        ("linear(1 -> 3, over: 0.5)", {0: 1, 0.25: 2, 0.5: 3, 0.75: 3, 1: 3}),
        ("linear(1 -> 3, warmup: 0.2, over: 0.6)", {0.2: 1, 0.4: 2, 0.6: 3, 1: 3}),
        ("linear(1 -> 3, warmup: 0.2 + 0.2)", {0.2: 0.5, 0.4: 1}),
        ("exponential(1e-200 -> 1e200)", {0: 1e-200, 0.5: 1, 1: 1e200}),
        ("2 * (1 + linear(0 -> 1)) / 4 - 0.5", {0: 0, 1: 0.5}),
        ("-(-3)", {0: 3}),
        ("10 - 4 - 3", {0: 3}),
        ("12 / 4 / 3", {0: 1}),
    ],
)
def test_values(schedule: str, values: dict[float, float]) -> None:
    for progress, expected in values.items():
        # A few roundings of numbers near one.
        assert value(schedule, progress) == pytest.approx(expected, rel=1e-13), progress


def test_parameters_may_use_parameters_in_any_order() -> None:
    text = with_parameter("p = 2 * b", "b = linear(a -> 3)", "a = 1")
    method = resolved(text)
    assert list(method.parameters) == ["p", "b", "a"]
    assert value_at(method.parameters["p"].value, 0) == 2
    assert value_at(method.parameters["p"].value, 1) == 6
    assert scalar_text(method.parameters["p"].value) == "2 * b"


@pytest.mark.parametrize("step", ["p{} + 1", "p{0} + p{0}", "2 * p{}"])
def test_size_of_a_value_is_limited(step: str) -> None:
    # Each uses the next, once or twice: neither depth nor the number of operations grows without limit.
    def line(length: int) -> str:
        return with_parameter("p = p1", *(f"p{i} = {step.format(i + 1)}" for i in range(1, length)), f"p{length} = 1")

    assert slugs(line(5)) == []
    assert set(slugs(line(400))) == {"too-large"}


def test_constants() -> None:
    method = resolved(with_parameter("p = 2 * c", "c = 3"))
    assert is_constant(method.parameters["p"].value)
    assert not is_constant(resolved(with_parameter("p = 2 * c", "c = linear(0 -> 1)")).parameters["p"].value)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("2 * (c + 1)", "2 * (c + 1)"),
        ("2 * c + 1", "2 * c + 1"),
        ("c - (c - 1)", "c - (c - 1)"),
        ("c / (c * 2)", "c / (c * 2)"),
        ("-c", "-c"),
        ("-(c + 1)", "-(c + 1)"),
        ("cosine(0 -> 1)", "cosine(0 -> 1)"),
        ("1 + 1", "2"),
    ],
)
def test_text_of_a_number_reads_as_it_is_computed(text: str, shown: str) -> None:
    parameter = resolved(with_parameter("p = 1", "c = 3", f"shown = {text}")).parameters["shown"]
    assert scalar_text(parameter.value) == shown


@pytest.mark.parametrize(
    ("text", "slug"),
    [
        ("1 / 0", "not-finite"),
        ("1 / (c - c)", "not-finite"),
        ("1e999", "not-finite"),
        ("9" * 400, "not-finite"),
        ("1e200 * 1e200", "not-finite"),
        ("1e200 * 1e299 * 0", "not-finite"),
        ("9e299 + 9e299 + c", ""),
        ("exponential(-1 -> 1)", "bad-schedule"),
        ("linear(0 -> 1, 0 -> 1)", "bad-schedule"),
        ("linear(p: 0 -> 1)", "bad-schedule"),
        ("linear(linear(0 -> 1) -> 1)", "schedule-not-allowed"),
        ("linear(0 -> 1, warmup: linear(0 -> 1))", "schedule-not-allowed"),
        ("linear(0 -> 1, warmup: 1)", "bad-schedule"),
        ("linear(0 -> 1, warmup: 2)", "wrong-argument"),
        ("linear(0 -> 1, over: 0)", "wrong-argument"),
        ("(1, 2)", "not-a-number"),
        ("c[1]", "not-a-number"),
        ("d", "undefined-parameter"),
        ("infonce()", "unknown-schedule"),
    ],
)
def test_what_is_no_number(text: str, slug: str) -> None:
    assert slugs(with_parameter("p = 1", "c = 3", f"q = c * {text}" if slug == "" else f"q = {text}")) == (
        ["unused-parameter"] if slug == "" else [slug]
    )


def test_shape_is_checked_by_the_catalogue() -> None:
    with pytest.raises(AssertionError, match="spiral"):
        value_at(Scheduled(Schedule(shape="spiral", start=0, end=1)), 0.5)
