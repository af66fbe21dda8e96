"""Clusters of the representation against a label: k-means with as many clusters as classes, NMI and ARI."""

# Shape suffixes: T tables, C classes, K clusters, M held-out examples, R bootstrap samples.

import warnings
from collections.abc import Callable, Mapping

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from mvib.evaluate.protocols.intervals import Resampled
from mvib.evaluate.protocols.material import Labels, Material
from mvib.evaluate.protocols.measuring import CannotMeasureError, Found

STARTS = 10

Numbers = npt.NDArray[np.float64]
# From tables of how many examples are of a class and in a cluster.
Score = Callable[[Float[Numbers, "T C K"]], Float[Numbers, " T"]]


def find_clusters(material: Material, seed: int) -> Mapping[str, Found]:
    """NMI (arithmetic mean of the entropies) and ARI of the held-out examples."""
    num_classes = len(np.unique(material.train_labels))
    if len(material.train_labels) < num_classes or num_classes < 2:
        raise CannotMeasureError("all labelled training examples are of one class")
    means = KMeans(num_classes, n_init=STARTS, random_state=seed)
    with warnings.catch_warnings():
        # Fewer different points than clusters: a collapsed representation, of which the scores say enough.
        warnings.simplefilter("ignore", ConvergenceWarning)
        means.fit(material.train_features.astype(np.float64))
    clusters = means.predict(material.test_features.astype(np.float64))
    return {
        "NMI": _found(normalized_mutual_information, material.test_labels, clusters, least=0.0),
        "ARI": _found(adjusted_rand, material.test_labels, clusters, least=-1.0),
    }


def normalized_mutual_information(tables: Float[Numbers, "T C K"]) -> Float[Numbers, " T"]:
    """Mutual information of class and cluster over the mean of their entropies; 1 where there is one of each."""
    joint = tables / tables.sum(axis=(1, 2), keepdims=True)
    of_classes, of_clusters = _entropy(joint.sum(axis=2)), _entropy(joint.sum(axis=1))
    mean = (of_classes + of_clusters) / 2
    # No less than 0 but for rounding.
    shared = np.maximum(of_classes + of_clusters - _entropy(joint.reshape(len(joint), -1)), 0.0)
    return np.where(mean > 0, shared / np.where(mean > 0, mean, 1.0), 1.0)


def adjusted_rand(tables: Float[Numbers, "T C K"]) -> Float[Numbers, " T"]:
    """Rand index less what chance gives, over the most that can be left: 1 for equal partitions.

    Source: Hubert and Arabie 1985, equation 5.
    """
    together = _pairs(tables).sum(axis=(1, 2))
    of_classes, of_clusters = _pairs(tables.sum(axis=2)).sum(axis=1), _pairs(tables.sum(axis=1)).sum(axis=1)
    by_chance = of_classes * of_clusters / np.maximum(_pairs(tables.sum(axis=(1, 2))), 1.0)
    most = (of_classes + of_clusters) / 2 - by_chance
    # Both partitions put all examples together, or all apart.
    return np.where(most > 0, (together - by_chance) / np.where(most > 0, most, 1.0), 1.0)


def _entropy(shares: Float[Numbers, "T N"]) -> Float[Numbers, " T"]:
    entropies: Numbers = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)
    return entropies


def _pairs(counts: Numbers) -> Numbers:
    return counts * (counts - 1) / 2


def _found(score: Score, labels: Labels, clusters: Int[Labels, " M"], *, least: float) -> Found:
    resampled = _resampled(score, labels, clusters)
    value = resampled(np.ones((1, len(labels))))[0]
    return Found(float(value), resampled=resampled, num_examples=len(labels), limits=(least, 1.0))


def _resampled(score: Score, labels: Labels, clusters: Int[Labels, " M"]) -> Resampled:
    classes, places = np.unique(labels, return_inverse=True)
    num_clusters = int(clusters.max()) + 1
    cells_M, num_cells = places * num_clusters + clusters, len(classes) * num_clusters

    def resampled(counts: Float[Numbers, "R M"]) -> Float[Numbers, " R"]:
        tables = np.stack([np.bincount(cells_M, weights=row, minlength=num_cells) for row in counts])
        return score(tables.astype(np.float64).reshape(-1, len(classes), num_clusters))

    return resampled
