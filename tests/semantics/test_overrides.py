"""Values from outside, as `--set` gives them."""

import pytest

from mvib.driver import parse_overrides
from mvib.semantics.values import BoundCall, value_at
from tests.semantics.spec_text import AUTOENCODER, analysed, resolved, slugs

SPEC = AUTOENCODER.replace("data ", "param beta = 1\nparam half = beta / 2\ndata ") + (
    "minimize half * I(X; Z) by rate(normal)\nminimize H(X | Z) by d\ntrain { epochs: 20 }\n"
)


def test_parameters() -> None:
    method = resolved(SPEC, {"beta": "linear(0 -> 4)"})
    assert value_at(method.parameters["half"].value, 1) == 2


def test_settings_given_and_left_out() -> None:
    settings = resolved(SPEC, {"train.epochs": "3", "train.optimizer": "sgd(lr: 0.1, nesterov: true)"}).settings
    assert settings["epochs"] == 3
    assert isinstance(settings["optimizer"], BoundCall)
    assert settings["optimizer"].text() == "sgd(0.1, nesterov: true)"


def test_settings_without_a_train_block() -> None:
    assert resolved(SPEC.replace("train { epochs: 20 }\n", ""), {"train.batch": "64"}).settings["batch"] == 64


@pytest.mark.parametrize(
    ("name", "value", "slug"),
    [
        ("betta", "1", "unknown-override"),
        ("train.epoch", "1", "unknown-setting"),
        ("train.epochs", "half", "wrong-argument"),
        ("train.epochs", "0.5", "wrong-argument"),
        ("beta", "gamma", "undefined-parameter"),
        ("beta", "-1", "bad-weight"),
        ("beta", "exponential(0 -> 1)", "bad-schedule"),
        ("beta", "1 +", "bad-override"),
        ("beta", "", "bad-override"),
        ("beta", "1 data Q: image", "bad-override"),
        ("beta", "1\nparam half = 2", "bad-override"),
        ("train.epochs", "1 batch: 3", "bad-override"),
        ("train.epochs", "1 } param beta = 2", "bad-override"),
        ("model.width", "1", "bad-override"),
        ("be ta", "1", "bad-override"),
        ("", "1", "bad-override"),
    ],
)
def test_mistakes(name: str, value: str, slug: str) -> None:
    assert slugs(SPEC, {name: value}) == [slug]


def test_place_of_a_mistake_is_what_was_typed() -> None:
    (found,) = analysed(SPEC, {"train.epochs": "0.5"}).diagnostics
    assert str(found.span) == "--set train.epochs:1:17"
    assert found.span.text == "0.5"


def test_mistakes_of_the_spec_are_reported_too() -> None:
    assert slugs(SPEC + "represent Q\n", {"betta": "1", "beta": "1 +"}) == [
        "bad-override",
        "undefined-variable",
        "unknown-override",
    ]


def test_every_value_is_read() -> None:
    given, wrong = parse_overrides({"a": "1", "train.b": "c(2)", "d": "?"})
    assert [(override.name, override.in_train) for override in given] == [("a", False), ("b", True)]
    assert [diagnostic.slug for diagnostic in wrong] == ["bad-override"]
