"""Clusters of the representation against a label: k-means with as many clusters as classes, NMI and ARI."""

# Shape suffixes: M held-out examples, R bootstrap samples of them, C classes, K clusters, E pairs of both that occur.

import warnings
from collections.abc import Callable, Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from jaxtyping import Float, Int
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning

from mvib.evaluate.protocols.material import Labels, Material
from mvib.evaluate.protocols.measuring import CannotMeasureError, Found

STARTS = 10

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False)
class Counts:
    """How many examples of each bootstrap sample are of a class and in a cluster.

    Pairs that do not occur count nothing in any score, and of a thousand classes there are a million.

    Attributes:
        together: of each pair that occurs.
        of_classes: of each class.
        of_clusters: of each cluster.
    """

    together: Float[Numbers, "R E"]
    of_classes: Float[Numbers, "R C"]
    of_clusters: Float[Numbers, "R K"]


Score = Callable[[Counts], Float[Numbers, " R"]]


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


def count_pairs(labels: Labels, clusters: Int[Labels, " M"], weights: Float[Numbers, "R M"]) -> Counts:
    """Count examples by class and cluster.

    Args:
        labels: class of each example.
        clusters: cluster of each.
        weights: how often each is in every bootstrap sample.
    """
    _, of_class_M = np.unique(labels, return_inverse=True)
    _, of_cluster_M = np.unique(clusters, return_inverse=True)
    _, pair_M = np.unique(of_class_M * len(labels) + of_cluster_M, return_inverse=True)
    together, of_classes, of_clusters = (_sums(places, weights) for places in (pair_M, of_class_M, of_cluster_M))
    return Counts(together=together, of_classes=of_classes, of_clusters=of_clusters)


def _sums(places: Int[Labels, " M"], weights: Float[Numbers, "R M"]) -> Numbers:
    number = int(places.max()) + 1
    return np.stack([np.bincount(places, weights=row, minlength=number) for row in weights])


def normalized_mutual_information(counts: Counts) -> Float[Numbers, " R"]:
    """Mutual information of class and cluster over the mean of their entropies; 1 where there is one of each."""
    of_classes, of_clusters = _entropy(counts.of_classes), _entropy(counts.of_clusters)
    mean = (of_classes + of_clusters) / 2
    # No less than 0 but for rounding.
    shared = np.maximum(of_classes + of_clusters - _entropy(counts.together), 0.0)
    return np.where(mean > 0, shared / np.where(mean > 0, mean, 1.0), 1.0)


def adjusted_rand(counts: Counts) -> Float[Numbers, " R"]:
    """Rand index less what chance gives, over the most that can be left: 1 for equal partitions.

    Source: Hubert and Arabie 1985, equation 5.
    """
    together, of_classes, of_clusters = (
        _pairs(numbers).sum(axis=1) for numbers in (counts.together, counts.of_classes, counts.of_clusters)
    )
    by_chance = of_classes * of_clusters / np.maximum(_pairs(counts.of_classes.sum(axis=1)), 1.0)
    most = (of_classes + of_clusters) / 2 - by_chance
    # Both partitions put all examples together, or all apart.
    return np.where(most > 0, (together - by_chance) / np.where(most > 0, most, 1.0), 1.0)


def _entropy(counts: Float[Numbers, "R N"]) -> Float[Numbers, " R"]:
    shares = counts / counts.sum(axis=1, keepdims=True)
    entropies: Numbers = -(shares * np.log(np.where(shares > 0, shares, 1.0))).sum(axis=1)
    return entropies


def _pairs(counts: Numbers) -> Numbers:
    return counts * (counts - 1) / 2


def _found(score: Score, labels: Labels, clusters: Int[Labels, " M"], *, least: float) -> Found:
    def resampled(weights: Float[Numbers, "R M"]) -> Float[Numbers, " R"]:
        return score(count_pairs(labels, clusters, weights))

    value = resampled(np.ones((1, len(labels))))[0]
    return Found(float(value), resampled=resampled, num_examples=len(labels), limits=(least, 1.0))
