import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from mvib.evaluate.spread import effective_rank, measure_spread


@pytest.mark.parametrize(
    ("values", "rank"),
    [
        ([1.0, 1.0, 1.0], 3.0),
        ([2.0, 2.0, 0.0], 2.0),
        ([5.0, 0.0, 0.0], 1.0),
        ([0.0, 0.0, 0.0], 0.0),
        # Shares 1/2, 1/4, 1/4: entropy 1.5 ln 2.
        ([2.0, 1.0, 1.0], 2**1.5),
    ],
)
def test_effective_rank_of_singular_values(values: list[float], rank: float) -> None:
    rng = np.random.default_rng(0)
    left, _ = np.linalg.qr(rng.standard_normal((7, 3)))
    right, _ = np.linalg.qr(rng.standard_normal((3, 3)))
    assert effective_rank(left @ np.diag(values) @ right) == pytest.approx(rank, abs=1e-9)


@given(arrays(np.float64, (5, 3), elements=st.floats(-10, 10)), st.floats(0.1, 10))
def test_effective_rank_is_between_its_bounds_and_has_no_scale(matrix: np.ndarray, scale: float) -> None:
    rank = effective_rank(matrix)
    assert rank == 0 or 1 - 1e-9 <= rank <= 3 + 1e-9
    assert effective_rank(scale * matrix) == pytest.approx(rank, abs=1e-6)


def test_a_point_away_from_zero_has_rank_zero() -> None:
    spread = measure_spread(np.full((10, 4), 3.3, dtype=np.float32))
    assert (spread.effective_rank, spread.constant_dimensions, spread.dimensions) == (0.0, 4, 4)
    assert spread.std == pytest.approx(0.0, abs=1e-6)


def test_constant_dimensions_are_counted_beside_others() -> None:
    features = np.zeros((100, 3))
    features[:, 0] = np.arange(100)
    features[:, 1] = 7.0
    spread = measure_spread(features)
    assert spread.constant_dimensions == 2
    assert spread.effective_rank == pytest.approx(1.0)
    assert spread.std == pytest.approx(np.arange(100).std() / 3)
