"""Plain losses that stand for a conditional entropy."""

from mvib.catalogue.signature import (
    Bound,
    EstimatorEntry,
    Form,
    Reduction,
    Rows,
)

SURROGATES = (
    EstimatorEntry(
        name="mse",
        about="Mean squared difference over examples and dimensions: a Gaussian of fixed variance.",
        source="Bardes et al. 2022, eq. 5; review, equation 7 with a Gaussian q",
        implementation="mvib.estimators.mse:mse",
        forms=(Form.CONDITIONAL_ENTROPY,),
        bound=Bound.SURROGATE,
        formula="mean over examples and dimensions of (a - b)^2",
        needs="two variables of one shape",
        any_shape=True,
        couples_batch=False,
        units="none",
        reduction=Reduction.LOCAL,
        drops="scale and normaliser of the Gaussian",
    ),
    EstimatorEntry(
        name="cosine",
        about="Minus the mean cosine: a von Mises-Fisher density of fixed concentration.",
        source="Chen and He 2021, eq. 1",
        implementation="mvib.estimators.cosine:cosine",
        forms=(Form.CONDITIONAL_ENTROPY,),
        bound=Bound.SURROGATE,
        formula="- mean_i cos(a_i, b_i)",
        needs="two variables of one shape",
        couples_batch=False,
        units="none",
        reduction=Reduction.LOCAL,
        rows=Rows.UNIT,
        drops="concentration and normaliser of the von Mises-Fisher density",
    ),
)
