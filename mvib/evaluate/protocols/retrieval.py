"""Retrieval: held-out examples look for training examples of their class."""

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt
from jaxtyping import Bool, Float

from mvib.evaluate.protocols.material import Material
from mvib.evaluate.protocols.measuring import CannotMeasureError, Found, mean_of

RECALLS = (1, 5, 10)
# Similarities in memory at a time.
_BLOCK = 1 << 24


def average_precision(is_relevant: Bool[npt.NDArray[np.bool_], "Q N"]) -> Float[npt.NDArray[np.float64], " Q"]:
    """Average precision of each ranking: the mean of the precision at every relevant place.

    Args:
        is_relevant: by query, whether the first, second, ... found is relevant; at least one is.
    """
    hits = is_relevant.cumsum(axis=1)
    precision = hits / np.arange(1, is_relevant.shape[1] + 1)
    averages: npt.NDArray[np.float64] = (precision * is_relevant).sum(axis=1) / hits[:, -1]
    return averages


def find_retrieval(material: Material, seed: int) -> Mapping[str, Found]:
    """Recall at k (whether any of the first k is of the class) and mean average precision over the whole ranking."""
    has_answer = np.isin(material.test_labels, material.train_labels)
    if not has_answer.any():
        raise CannotMeasureError("no class of the held-out part occurs in the training part")
    queries, gallery = _unit(material.test_features[has_answer]), _unit(material.train_features)
    wanted = material.test_labels[has_answer]
    recalls: dict[int, list[npt.NDArray[np.bool_]]] = {k: [] for k in RECALLS}
    precisions = []
    step = max(1, _BLOCK // len(gallery))
    for start in range(0, len(queries), step):
        similarity = queries[start : start + step] @ gallery.T
        # Stable, so that ties fall the same way on every machine.
        order = np.argsort(-similarity, axis=1, kind="stable")
        is_relevant = material.train_labels[order] == wanted[start : start + step, None]
        for k in RECALLS:
            recalls[k].append(is_relevant[:, :k].any(axis=1))
        precisions.append(average_precision(is_relevant))
    left_out = int((~has_answer).sum())
    note = f"{left_out} held-out examples are of classes that the training part lacks" if left_out else ""
    return {
        **{f"recall@{k}": mean_of(np.concatenate(recalls[k]), note) for k in RECALLS},
        "mAP": mean_of(np.concatenate(precisions), note),
    }


def _unit(features: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    rows = features.astype(np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1.0)
