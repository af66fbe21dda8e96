"""The estimators: what each estimates, in which direction its bound goes, and where it comes from."""

from mvib.catalogue.signature import (
    Argument,
    Bound,
    EstimatorEntry,
    Form,
    Interface,
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

ESTIMATORS = (
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
    EstimatorEntry(
        name="jsd",
        about="Contrasts each pair with a shuffled one through a learned critic (Jensen-Shannon objective).",
        arguments=(Argument(name="critic", kind=Kind.CRITIC, about="the network that scores a pair"),),
        source=(
            "Nowozin et al. 2016; Hjelm et al. 2018, eq. 4; Federici et al. 2020, official code (one "
            "cyclic shift as negatives)"
        ),
        implementation="mvib.estimators.jsd:jsd",
        forms=(Form.INFORMATION,),
        bound=Bound.SURROGATE,
        formula="mean -softplus(-T(z1, z2)) - mean softplus(T(roll(z1), z2))",
        needs="samples of pairs, a critic",
        couples_batch=True,
        saturation="0; it bounds a Jensen-Shannon divergence, of which information is not a function",
        units="none",
        reduction=Reduction.LOCAL,
        interface=Interface.CRITIC,
    ),
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
    EstimatorEntry(
        name="mse",
        about="Mean squared difference over examples and dimensions: a Gaussian of fixed variance.",
        source="Bardes et al. 2022, eq. 5; review, equation 7 with a Gaussian q",
        implementation="mvib.estimators.mse:mse",
        forms=(Form.CONDITIONAL_ENTROPY,),
        bound=Bound.SURROGATE,
        formula="mean over examples and dimensions of (a - b)^2",
        needs="two variables of one shape",
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
    EstimatorEntry(
        name="cross_entropy",
        about="Cross-entropy of a label and a row of logits: H(Y | Z) <= E[-log softmax(z)_y].",
        source="review, equation 8",
        implementation="mvib.estimators.cross_entropy:cross_entropy",
        forms=(Form.CONDITIONAL_ENTROPY,),
        bound=Bound.UPPER,
        exact_when="softmax(z) is p(y | z)",
        formula="- mean_i log softmax(z_i)_{y_i}",
        needs="a label and a variable with one logit a class",
        couples_batch=False,
        reduction=Reduction.LOCAL,
        interface=Interface.LABELS,
    ),
    EstimatorEntry(
        name="rate",
        about=(
            "Relative entropy of the encoder's density and a reference: a prior, a decoder, or the "
            "encoder at another variable."
        ),
        arguments=(
            Argument(
                name="reference",
                kind=Kind.DISTRIBUTION,
                positional=True,
                about="`normal`, the name of a decoder, or `ENCODER: VARIABLE`",
            ),
            Argument(
                name="form",
                kind=Kind.CHOICE,
                default=None,
                choices=("analytic", "sampled"),
                about=(
                    "closed form, or log-ratio at the one sample; default: closed form for a prior, sampled otherwise"
                ),
            ),
        ),
        source=(
            "Alemi et al. 2017, eq. 14 (prior); Fischer 2020, eq. 8 (decoder); Federici et al. 2020, eq. 3 (encoder)"
        ),
        implementation="mvib.estimators.rate:rate",
        forms=(Form.INFORMATION, Form.CONDITIONAL_INFORMATION),
        bound=Bound.UPPER,
        exact_when="the reference is the marginal (or conditional) density of the code",
        formula="mean_i KL( p(z | x_i) || r ), summed over dimensions",
        needs="a stochastic encoder of the code",
        couples_batch=False,
        reduction=Reduction.LOCAL,
        interface=Interface.RATE,
    ),
)
