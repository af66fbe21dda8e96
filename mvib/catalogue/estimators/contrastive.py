"""Contrastive estimators: each pair is told from the other pairs of the batch by a similarity."""

from mvib.catalogue.signature import (
    Argument,
    Bound,
    EstimatorEntry,
    Form,
    Kind,
    Reduction,
    Rows,
)

_TEMPERATURE = Argument(
    name="temperature",
    default=0.5,
    positional=True,
    minimum=0,
    open_minimum=True,
    scheduled=True,
    about="scale of the similarities; smaller is sharper",
)

CONTRASTIVE = (
    EstimatorEntry(
        name="infonce",
        about="Contrasts each pair with the other pairs of the batch.",
        arguments=(
            _TEMPERATURE,
            Argument(
                name="negatives",
                kind=Kind.CHOICE,
                default="all",
                choices=("all", "other_view"),
                about=(
                    "all: each of the 2N rows against the other 2N - 1; other_view: each of N against "
                    "the N of the other view"
                ),
            ),
        ),
        source=(
            "van den Oord et al. 2018, eq. 4; Chen et al. 2020, eq. 1 (negatives: all); Radford et al. "
            "2021 (other_view)"
        ),
        implementation="mvib.estimators.infonce:infonce",
        constant="mvib.estimators.infonce:constant",
        forms=(Form.INFORMATION,),
        bound=Bound.LOWER,
        exact_when="the critic is the log density ratio and N goes to infinity",
        formula="log(K) + mean_i [ s_ii / t - log sum_j exp(s_ij / t) ], s the cosines, K terms in the sum",
        needs="samples of pairs; the cosine is the critic",
        couples_batch=True,
        saturation="log(2N - 1) with negatives: all, log(N) with negatives: other_view",
        reduction=Reduction.GATHER,
        rows=Rows.UNIT,
    ),
)
