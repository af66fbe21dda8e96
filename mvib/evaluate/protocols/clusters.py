"""Clusters of the representation against a label: k-means with as many clusters as classes, NMI and ARI."""

import warnings
from collections.abc import Mapping

import numpy as np
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import adjusted_rand_score, normalized_mutual_info_score

from mvib.evaluate.protocols.material import Material
from mvib.evaluate.protocols.measuring import CannotMeasureError, Found

STARTS = 10


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
    labels = material.test_labels
    return {
        "NMI": Found(float(normalized_mutual_info_score(labels, clusters))),
        "ARI": Found(float(adjusted_rand_score(labels, clusters))),
    }
