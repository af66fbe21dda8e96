"""Information that a family of predictors finds (V-information), for measuring."""

# Shape suffixes: N rows, D dimension, E dimension of what is predicted, C classes.

from typing import Literal, assert_never

import numpy as np
from jaxtyping import Float, Float64, Int64, Shaped
from numpy import ndarray
from scipy.linalg import solve_triangular
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import KFold, StratifiedKFold
from sklearn.neural_network import MLPClassifier, MLPRegressor
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

from mvib.estimators.neighbours import number, table
from mvib.estimators.ranks import ALONE, Ranks

Probe = Literal["linear", "mlp"]

_MOST_STEPS = 1000
_LEAST_PROBABILITY = 1e-300  # of a network that is sure, and wrong: a cost of 690 nats
# A tenth of the rows tells when to stop: a network trained to the end is sure of what it does not know.
_MLP = {"hidden_layer_sizes": (128,), "early_stopping": True, "max_iter": _MOST_STEPS, "random_state": 0}


def v_information(
    a: Float[Tensor, "B *D"],
    b: Shaped[Tensor, "B *E"],
    *,
    probe: Probe = "linear",
    folds: int = 5,
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Estimate in nats of the information on B that a family V of predictors finds in A, with held-out rows.

    H_V(B) - H_V(B | A): the cross-entropy of the best predictor that is given nothing, less that of the best one that
    is given a. Both are fitted without the fold they are evaluated on. A label is predicted by class frequencies and by
    a softmax; real rows by a Gaussian with the full covariance of the residuals.

    For a label it is a lower bound on I(A; B) in expectation, up to the error of the class frequencies: the first term
    tends to H(B), and the second is never less than H(B | A). For real rows it is one if B is Gaussian; else the first
    term is above H(B), and the value may exceed I. It is not symmetric, and processing A may raise it. A held-out
    value may be negative, where a probe fits what does not generalise.

    Args:
        a: rows to predict from.
        b: what is predicted, row i from the same example as row i of `a`: a label is a whole number a row without an
            axis of its own, or in a column of integers; anything else is real rows.
        probe: family of predictors on standardised columns: `linear`, or `mlp` with one hidden layer of 128 units.
            Either has scikit-learn's default penalty.
        folds: number of parts of the rows, each predicted from the others; at least 2.
        ranks: that share the batch.

    Returns:
        Scalar, nats, mean over the rows, without gradient.

    Raises:
        ValueError: a class with fewer rows than folds; as few rows as dimensions; NaN or infinity.

    Source: Xu, Zhao, Song, Stewart, Ermon 2020, arXiv:2002.10689, definitions 2 and 3. Differs from it: cross-fitted,
    where its bound is on the value in training.
    """
    x, y = table(a, ranks), table(b, ranks)
    if not 2 <= folds <= len(x):
        raise ValueError(f"{folds} folds of {len(x)} rows: give at least 2, and no more than rows")
    is_label = y.shape[1] == 1 and not (y % 1).any() and (b.dim() == 1 or not b.is_floating_point())
    gains = (
        _gains_on_label(x, _classes(y[:, 0], folds), probe, folds) if is_label else _gains_on_rows(x, y, probe, folds)
    )
    return number(float(np.mean(gains)), a)


def _classes(labels: Float64[ndarray, " N"], folds: int) -> Int64[ndarray, " N"]:
    """Number the different labels, and refuse those too rare to be in every fold."""
    values, classes, counts = np.unique(labels, return_inverse=True, return_counts=True)
    rarest = counts.argmin()
    if counts[rarest] < folds:
        raise ValueError(
            f"class {values[rarest]:g} has {counts[rarest]} row(s), fewer than the {folds} folds: give fewer folds, "
            "or leave the class out"
        )
    return classes.astype(np.int64)


def _gains_on_label(
    x: Float64[ndarray, "N D"], classes_N: Int64[ndarray, " N"], probe: Probe, folds: int
) -> Float64[ndarray, " N"]:
    """Return log q(label given x) - log q(label) of each row, by predictors fitted without its fold."""
    gains_N = np.zeros(len(x))
    if not classes_N.any():  # one class, which is known beforehand
        return gains_N
    for train, test in StratifiedKFold(folds, shuffle=True, random_state=0).split(x, classes_N):
        log_frequency_C = np.log(np.bincount(classes_N[train]) / len(train))
        model = _classifier(probe).fit(x[train], classes_N[train])
        probability_N = model.predict_proba(x[test])[np.arange(len(test)), classes_N[test]]
        gains_N[test] = np.log(probability_N.clip(_LEAST_PROBABILITY)) - log_frequency_C[classes_N[test]]
    return gains_N


def _gains_on_rows(
    x: Float64[ndarray, "N D"], y: Float64[ndarray, "N E"], probe: Probe, folds: int
) -> Float64[ndarray, " N"]:
    """Return log q(y given x) - log q(y) of each row, by Gaussian predictors fitted without its fold."""
    gains_N = np.empty(len(x))
    for train, test in KFold(folds, shuffle=True, random_state=0).split(x):
        mean_E, scale_E = y[train].mean(axis=0), y[train].std(axis=0)
        if not scale_E.all():
            raise ValueError("a column to be predicted is constant, and has no density: leave it out")
        # The gain is the same in any units.
        seen, held_out = (y[train] - mean_E) / scale_E, (y[test] - mean_E) / scale_E
        model = _regressor(probe).fit(x[train], seen if seen.shape[1] > 1 else seen[:, 0])
        residuals = [
            rows - model.predict(x[part]).reshape(rows.shape) for rows, part in ((seen, train), (held_out, test))
        ]
        gains_N[test] = _log_density(residuals[1], residuals[0]) - _log_density(held_out, seen)
    return gains_N


def _log_density(rows: Float64[ndarray, "N E"], fitted_to: Float64[ndarray, "M E"]) -> Float64[ndarray, " N"]:
    """Return the log-density of rows under the Gaussian of mean zero that fits others best, without its constant."""
    try:
        factor = np.linalg.cholesky(fitted_to.T @ fitted_to / len(fitted_to))
    except np.linalg.LinAlgError:
        raise ValueError(
            "the covariance of what is to be predicted, or of its residuals, is singular: give more rows, or fewer "
            "columns, none of which follows from the others"
        ) from None
    white = solve_triangular(factor, rows.T, lower=True)
    log_density: Float64[ndarray, " N"] = -np.log(np.diagonal(factor)).sum() - (white**2).sum(axis=0) / 2
    return log_density


def _classifier(probe: Probe) -> Pipeline:
    match probe:
        case "linear":
            return make_pipeline(StandardScaler(), LogisticRegression(max_iter=_MOST_STEPS))
        case "mlp":
            return make_pipeline(StandardScaler(), MLPClassifier(**_MLP))
        case _:
            assert_never(probe)


def _regressor(probe: Probe) -> Pipeline:
    match probe:
        case "linear":
            return make_pipeline(StandardScaler(), Ridge())
        case "mlp":
            return make_pipeline(StandardScaler(), MLPRegressor(**_MLP))
        case _:
            assert_never(probe)
