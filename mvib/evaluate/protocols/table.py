"""All protocols by name, with their words."""

from collections.abc import Mapping

from mvib.evaluate.protocols import classifiers, fine_tuning, material, model_material, spectra
from mvib.evaluate.protocols.classifiers import find_few, find_lbfgs, find_sgd, find_tuned_neighbours
from mvib.evaluate.protocols.clusters import STARTS, find_clusters
from mvib.evaluate.protocols.fine_tuning import find_fine_tuned
from mvib.evaluate.protocols.measuring import Protocol
from mvib.evaluate.protocols.retrieval import RECALLS, find_retrieval
from mvib.evaluate.protocols.spectra import find_alpha_req, find_lidar, find_rankme

_TUNED = (
    f"chosen on {material.TUNING_SHARE:.0%} of the training part, of each class as nearly as can be, drawn by the seed "
    "and left out of the fit, then fitted again to all of it; the held-out part chooses nothing"
)
_ACCURACY = ("accuracy",)


def _listed(values: tuple[float, ...] | tuple[int, ...]) -> str:
    return ", ".join(f"{value:g}" for value in values)


_REGRESSION = (
    "multinomial logistic regression on standardised features, mean cross-entropy + penalty/2 |W|^2, full-batch L-BFGS "
    f"with strong Wolfe line search, at most {classifiers.LBFGS_ITERATIONS} iterations, float64"
)

_ALL = (
    Protocol(
        name="knn-tuned",
        text=f"nearest training examples by cosine, weights exp(cosine / {classifiers.TEMPERATURE}); their number of "
        f"{_listed(classifiers.NEIGHBOURS)} {_TUNED}",
        needs_labels=True,
        is_seeded=True,
        metrics=_ACCURACY,
        find=find_tuned_neighbours,
    ),
    Protocol(
        name="lbfgs",
        text=f"{_REGRESSION}; the penalty of {_listed(classifiers.PENALTIES)} {_TUNED}",
        needs_labels=True,
        is_seeded=True,
        metrics=_ACCURACY,
        find=find_lbfgs,
    ),
    Protocol(
        name="sgd",
        text=f"linear classifier on standardised features by SGD, {classifiers.SGD_EPOCHS} epochs of batches of "
        f"{classifiers.SGD_BATCH}, momentum {classifiers.SGD_MOMENTUM}, cosine to 0, no penalty; the learning rate of "
        f"{_listed(classifiers.SGD_RATES)} {_TUNED}",
        needs_labels=True,
        is_seeded=True,
        metrics=_ACCURACY,
        find=find_sgd,
    ),
    *(
        Protocol(
            name=f"few-{percent}",
            text=f"{percent}% of the training labels of each class (at least one), drawn by the seed: {_REGRESSION}; "
            f"standardised by all training features; penalty {classifiers.FEW_PENALTY:g}, nothing is chosen",
            needs_labels=True,
            is_seeded=True,
            metrics=_ACCURACY,
            find=find_few(percent / 100),
        )
        for percent in (1, 10)
    ),
    Protocol(
        name="fine-tune",
        text="all weights of the encoder, and a linear classifier on standardised features that begins as the "
        f"regression of few-1 on the labels at hand: AdamW, {fine_tuning.EPOCHS} epochs, batches "
        f"of {fine_tuning.BATCH}, weight decay {fine_tuning.WEIGHT_DECAY:g}, cosine to 0, no augmentation, statistics "
        f"of normalisation layers fixed; the learning rate of {_listed(fine_tuning.RATES)} {_TUNED}",
        needs_labels=True,
        is_seeded=True,
        metrics=_ACCURACY,
        find=find_fine_tuned,
    ),
    Protocol(
        name="clusters",
        text=f"k-means with as many clusters as classes, fitted to the training part, best of {STARTS} starts; "
        "held-out examples by their nearest centre: NMI (arithmetic mean) and adjusted Rand index against the label",
        needs_labels=True,
        is_seeded=True,
        metrics=("NMI", "ARI"),
        find=find_clusters,
    ),
    Protocol(
        name="retrieval",
        text="held-out examples ask, training examples are ranked by cosine, those of the same class are relevant: "
        "recall@k is whether one is among the first k, mAP is over the whole ranking",
        needs_labels=True,
        is_seeded=False,
        metrics=(*(f"recall@{k}" for k in RECALLS), "mAP"),
        find=find_retrieval,
    ),
    Protocol(
        name="rankme",
        text=f"exp of the entropy of the singular values of the held-out features as they are, normalised to sum 1, "
        f"plus {spectra.RANKME_EPSILON:g} (Garrido et al. 2023)",
        needs_labels=False,
        is_seeded=False,
        metrics=("rank",),
        find=find_rankme,
    ),
    Protocol(
        name="lidar",
        text=f"the same of the eigenvalues of Sw^-1/2 Sb Sw^-1/2 (Thilak et al. 2024) of at most "
        f"{model_material.LIDAR_EXAMPLES:,} held-out examples, drawn by the seed, with "
        f"{model_material.LIDAR_VIEWS} views each that the method draws by it, delta "
        f"{spectra.LIDAR_DELTA:g}, of the represented variable",
        needs_labels=False,
        is_seeded=True,
        metrics=("rank",),
        find=find_lidar,
    ),
    Protocol(
        name="alpha-req",
        text=f"decay alpha of the eigenvalues of the held-out covariance, j^-alpha over the ranks {spectra.FIRST_RANK} "
        f"to {spectra.LAST_RANK} or as many as there are (from 1 where there are not {2 * spectra.FIRST_RANK}), least "
        "squares of logarithms with weights 1/j (Agrawal et al. 2022)",
        needs_labels=False,
        is_seeded=False,
        metrics=("alpha",),
        find=find_alpha_req,
    ),
)

PROTOCOLS: Mapping[str, Protocol] = {protocol.name: protocol for protocol in _ALL}
