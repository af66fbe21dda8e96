"""What `mvib.estimate` says to arrays and arguments that it cannot use."""

import numpy as np
import numpy.typing as npt
import pytest

import mvib

RNG = np.random.default_rng(0)
X = RNG.normal(size=(60, 2))
Y = X + RNG.normal(size=(60, 2))


@pytest.mark.parametrize(
    ("estimator", "arguments", "message"),
    [
        ("ksg", {"variant": "mixd"}, r"`mixd` in `variant: mixd` of `ksg` is no word of it; `variant` takes .*`mixed`"),
        ("ksg(k: 4)", {}, r"arguments stand on their own: `ksg` with `--set k=4`"),
        ("mine", {}, r"did you mean `dv` with `ema: 0.99`"),
        ("infonce", {"temperature": "linear(1 -> 0.1)"}, r"`temperature` of `infonce` follows a schedule"),
        ("infonce", {"critic": "joint(16)", "temperature": 0.1}, r"has no use for `temperature`"),
        ("club", {"net": "conv(8)"}, r"takes no rows of a table: expected an image"),
    ],
)
def test_arguments(estimator: str, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        mvib.estimate(estimator, X, Y, arguments)


def test_too_few_rows_to_train_on() -> None:
    with pytest.raises(ValueError, match=r"there are 10 rows, and `nwj` trains .* on half of them: give at least 32"):
        mvib.estimate("nwj", X[:10], Y[:10])


def test_numbers_that_are_too_large() -> None:
    with pytest.raises(ValueError, match=r"y has a number of size .*e\+200, too large to be squared; divide y by it"):
        mvib.estimate("kde", X, 1e200 * Y)


def test_a_seed_that_no_generator_takes() -> None:
    with pytest.raises(ValueError, match="the seed is a whole number from 0"):
        mvib.estimate("cca", X, Y, seed=99999999999999999999)


@pytest.mark.parametrize("other", [X.astype(">f8"), X.astype(np.longdouble), np.asfortranarray(X)])
def test_other_layouts_of_the_same_numbers(other: npt.NDArray[np.floating]) -> None:
    assert float(mvib.estimate("cca", other, Y, resamples=0)) == pytest.approx(
        float(mvib.estimate("cca", X, Y, resamples=0))
    )


def test_a_sum_of_correlations_is_in_no_unit() -> None:
    assert mvib.estimate("cca", X, Y, {"objective": "correlation"}, resamples=0).units == "none"


@pytest.mark.parametrize("estimator", ["infonce", "distance_infonce", "patch_infonce"])
def test_rows_of_two_widths_are_refused_where_they_are_compared(estimator: str) -> None:
    with pytest.raises(ValueError, match=f"`{estimator}` compares rows of one width, and x and y have 2 and 1"):
        mvib.estimate(estimator, X, Y[:, :1])
