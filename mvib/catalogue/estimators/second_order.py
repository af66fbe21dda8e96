"""Estimators from means and covariances."""

from mvib.catalogue.signature import (
    Argument,
    Bound,
    EstimatorEntry,
    Form,
    Reduction,
    Rows,
)

SECOND_ORDER = (
    EstimatorEntry(
        name="variance_covariance",
        about="Keeps the standard deviation of every dimension above gamma and the dimensions uncorrelated.",
        arguments=(
            Argument(
                name="std",
                default=25.0,
                minimum=0,
                scheduled=True,
                about="weight of the hinge on the standard deviations",
            ),
            Argument(
                name="cov",
                default=1.0,
                minimum=0,
                scheduled=True,
                about="weight of the squared off-diagonal covariances",
            ),
            Argument(
                name="gamma", default=1.0, minimum=0, about="standard deviation below which a dimension is pushed"
            ),
            Argument(
                name="eps", default=1e-4, minimum=0, open_minimum=True, about="added to the variance inside the root"
            ),
        ),
        source="Bardes et al. 2022, eq. 1 to 4; as a Gaussian entropy: Shwartz-Ziv et al. 2023",
        implementation="mvib.estimators.variance_covariance:variance_covariance",
        forms=(Form.ENTROPY,),
        bound=Bound.SURROGATE,
        formula=(
            "- std * mean_d relu(gamma - sqrt(Var_d + eps)) - cov * (1/D) sum_{d != e} Cov_de^2, unbiased Var and Cov"
        ),
        needs="a batch of rows",
        couples_batch=True,
        units="none",
        reduction=Reduction.REDUCE,
        rows=Rows.CENTERED,
    ),
    EstimatorEntry(
        name="cross_correlation",
        about="Makes the cross-correlation of two views the identity.",
        arguments=(
            Argument(
                name="lambda",
                default=0.0051,
                positional=True,
                minimum=0,
                scheduled=True,
                about="weight of the squared off-diagonal correlations",
            ),
        ),
        source="Zbontar et al. 2021, eq. 1 and 2",
        implementation="mvib.estimators.cross_correlation:cross_correlation",
        forms=(Form.INFORMATION,),
        bound=Bound.SURROGATE,
        formula=(
            "- sum_d (C_dd - 1)^2 - lambda sum_{d != e} C_de^2, columns standardised over the batch (biased variance)"
        ),
        needs="a batch of pairs of rows of one width",
        couples_batch=True,
        units="none",
        reduction=Reduction.REDUCE,
        rows=Rows.STANDARDIZED,
    ),
)
