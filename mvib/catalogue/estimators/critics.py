"""Estimators that score pairs with a trained critic, and those that compare conditional densities of pairs."""

from mvib.catalogue.signature import (
    Argument,
    Bound,
    EstimatorEntry,
    Form,
    Interface,
    Kind,
    Reduction,
    Spread,
)

_CRITIC = Argument(name="critic", kind=Kind.CRITIC, about="the network that scores a pair")


def _negatives(default: str) -> Argument:
    return Argument(
        name="negatives",
        kind=Kind.CHOICE,
        default=default,
        choices=("all", "roll"),
        about="all: every pair of different examples of the batch; roll: one for each example, by a cyclic shift",
    )


_NET = Argument(
    name="net",
    kind=Kind.MODULE,
    default=None,
    positional=True,
    about=(
        "network of a Gaussian q(b | a) that is fitted beside the loss; left out: the density of the encoder that "
        "makes b from a"
    ),
)
_PAIRS = "samples of pairs, a critic"
_DENSITY = "b made from a by a stochastic encoder, or a network that is fitted to predict b from a"

CRITICS = (
    EstimatorEntry(
        name="jsd",
        about="Tells joint from independent pairs by a learned critic (Jensen-Shannon objective).",
        arguments=(_CRITIC, _negatives("roll")),
        source=(
            "Nowozin et al. 2016; Hjelm et al. 2018, eq. 4; Federici et al. 2020, official code (one "
            "cyclic shift as negatives)"
        ),
        implementation="mvib.estimators.jsd:jsd",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.SURROGATE,
        formula="mean -softplus(-T(a_i, b_i)) - mean softplus(T(a_i, b_j)), j != i",
        needs=_PAIRS,
        couples_batch=True,
        saturation="0; it bounds a Jensen-Shannon divergence, of which information is not a function",
        units="none",
        reduction=Reduction.GATHER,
        interface=Interface.CRITIC,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="nwj",
        about="Bound of Nguyen, Wainwright and Jordan by a learned critic; unbiased, of large variance (f-GAN KL).",
        arguments=(_CRITIC, _negatives("all")),
        source="Nguyen et al. 2010; Poole et al. 2019 (NWJ)",
        implementation="mvib.estimators.nwj:nwj",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.LOWER,
        exact_when="the critic is 1 plus the log density ratio",
        formula="mean T(a_i, b_i) - mean exp(T(a_i, b_j) - 1), j != i",
        needs=_PAIRS,
        couples_batch=True,
        reduction=Reduction.GATHER,
        interface=Interface.CRITIC,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="tuba",
        about="Unnormalised bound by a learned critic with a constant baseline; with e it is `nwj`.",
        arguments=(
            _CRITIC,
            _negatives("all"),
            Argument(
                name="baseline",
                default=1.0,
                minimum=0,
                open_minimum=True,
                about="a, what the mean of the exponential is compared with",
            ),
        ),
        source="Poole et al. 2019 (TUBA); with a = 1 the estimate of Federici et al. 2020, official code",
        implementation="mvib.estimators.tuba:tuba",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.LOWER,
        exact_when="the critic is log a plus the log density ratio",
        formula="1 + mean T(a_i, b_i) - log a - mean exp(T(a_i, b_j)) / a, j != i",
        needs=_PAIRS,
        couples_batch=True,
        reduction=Reduction.GATHER,
        interface=Interface.CRITIC,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="dv",
        about=(
            "Bound of Donsker and Varadhan by a learned critic: below for the population, biased upwards on a batch; "
            "with `ema` the gradient of MINE."
        ),
        arguments=(
            _CRITIC,
            _negatives("all"),
            Argument(
                name="ema",
                default=None,
                minimum=0,
                maximum=1,
                about=(
                    "weight of the past in the average of the partition that divides its gradient, e.g. 0.9; left "
                    "out: the batch's own"
                ),
            ),
        ),
        source="Belghazi et al. 2018, section 3.2",
        implementation="mvib.estimators.dv:dv",
        averaged="mvib.estimators.dv:log_mean_exp",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.LOWER,
        exact_when="the critic is the log density ratio plus a constant and N goes to infinity",
        formula="mean T(a_i, b_i) - log mean exp(T(a_i, b_j)), j != i",
        needs=_PAIRS,
        couples_batch=True,
        reduction=Reduction.GATHER,
        interface=Interface.CRITIC,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="smile",
        about="Critic trained as by `jsd`, read as `dv` with a clipped partition: little variance, some bias.",
        arguments=(
            _CRITIC,
            _negatives("all"),
            Argument(
                name="clip",
                default=5.0,
                minimum=0,
                open_minimum=True,
                about="largest absolute score in the partition; the positive scores are not clipped",
            ),
        ),
        source="Song and Ermon 2020",
        implementation="mvib.estimators.smile:smile",
        contrasts=True,
        forms=(Form.INFORMATION,),
        bound=Bound.SURROGATE,
        formula="mean T(a_i, b_i) - log mean exp(clip(T(a_i, b_j), -clip, clip)), j != i; the gradient is that of jsd",
        needs=_PAIRS,
        couples_batch=True,
        saturation="mean T(a_i, b_i) + clip",
        reduction=Reduction.GATHER,
        interface=Interface.CRITIC,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="club",
        about="How much better a conditional density predicts its own example than the others of the batch.",
        arguments=(
            _NET,
            Argument(
                name="negatives",
                kind=Kind.CHOICE,
                default="all",
                choices=("all", "shuffle"),
                about="all: every other example of the batch; shuffle: one other for each, by a cyclic shift (vCLUB-S)",
            ),
        ),
        source="Cheng et al. 2020, theorem 3.1",
        implementation="mvib.estimators.club:club",
        forms=(Form.INFORMATION,),
        bound=Bound.UPPER,
        bound_when=(("net", "*", Bound.SURROGATE),),
        exact_when="the variables are independent",
        formula="mean_i log q(b_i | a_i) - mean_{i, j != i} log q(b_j | a_i)",
        needs=_DENSITY,
        couples_batch=True,
        reduction=Reduction.REDUCE,
        interface=Interface.CONDITIONAL,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="l1out",
        about="Rate of a conditional density against its mixture over the other examples of the batch (leave-one-out).",
        arguments=(_NET,),
        source="Poole et al. 2019 (leave-one-out)",
        implementation="mvib.estimators.l1out:l1out",
        forms=(Form.INFORMATION,),
        bound=Bound.UPPER,
        bound_when=(("net", "*", Bound.SURROGATE),),
        exact_when="N goes to infinity",
        formula="mean_i [ log q(b_i | a_i) - log( 1/(N - 1) sum_{j != i} q(b_i | a_j) ) ]",
        needs=_DENSITY,
        couples_batch=True,
        reduction=Reduction.GATHER,
        interface=Interface.CONDITIONAL,
        spreads=((Form.INFORMATION, Spread.REPULSION),),
    ),
    EstimatorEntry(
        name="adversarial",
        about="A discriminator, trained beside the loss, tells codes from rows of the prior; they try to mislead it.",
        arguments=(
            Argument(
                name="net",
                kind=Kind.MODULE,
                positional=True,
                about="network of the discriminator, which gets a last layer of one score",
            ),
            Argument(
                name="loss",
                kind=Kind.CHOICE,
                default="non_saturating",
                choices=("non_saturating", "saturating"),
                about="non_saturating: codes pass for the prior; saturating: codes do not pass for codes",
            ),
        ),
        source="Goodfellow et al. 2014, eq. 1; Makhzani et al. 2015 (adversarial autoencoder)",
        implementation="mvib.estimators.adversarial:adversarial",
        constant="mvib.estimators.adversarial:constant",
        fit="mvib.estimators.adversarial:fit",
        forms=(Form.DIVERGENCE,),
        bound=Bound.SURROGATE,
        formula=(
            "- mean log sigmoid(T(z)) - log 2, or mean log sigmoid(-T(z)) + log 2; T minimises "
            "- mean log sigmoid(T(p)) - mean log sigmoid(-T(z)), p drawn from the prior"
        ),
        needs="a batch of codes, a prior to draw from, and a discriminator",
        couples_batch=False,
        saturation="log 2 with loss: saturating",
        # Rows of the prior are drawn for all ranks at once, and cross them.
        reduction=Reduction.GATHER,
        interface=Interface.DISCRIMINATOR,
        draws_prior=True,
        spreads=((Form.DIVERGENCE, Spread.REPULSION),),
    ),
)
