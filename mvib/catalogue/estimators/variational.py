"""Estimators from the density of a stochastic encoder, or of a decoder."""

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

VARIATIONAL = (
    EstimatorEntry(
        name="barber_agakov",
        about="Log-likelihood of a decoder; `by barber_agakov(q)` is `by q`.",
        arguments=(
            Argument(
                name="decoder",
                kind=Kind.ENCODER,
                positional=True,
                about="a decoder of the spec that predicts the one variable from the other",
            ),
        ),
        source="Barber and Agakov 2003; review, equation 7",
        implementation="mvib.estimators.barber_agakov:barber_agakov",
        forms=(Form.INFORMATION, Form.CONDITIONAL_ENTROPY),
        bound=Bound.LOWER,
        bound_by_form=((Form.CONDITIONAL_ENTROPY, Bound.UPPER),),
        exact_when="the decoder is the true conditional density",
        formula="I(A; B): H(A) + mean_i log q(a_i | b_i); H(A | B): - mean_i log q(a_i | b_i)",
        needs="a decoder q(a | b)",
        couples_batch=False,
        reduction=Reduction.LOCAL,
        interface=Interface.DECODER,
        drops="H(A) where A is no label: a constant where A is data",
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
                    "closed form, or log-ratio at the one sample; default: closed form for a prior, where there is one"
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
        spreads=((Form.INFORMATION, Spread.REPULSION), (Form.CONDITIONAL_INFORMATION, Spread.REPULSION)),
    ),
    EstimatorEntry(
        name="cross_entropy",
        about=(
            "Cross-entropy of a label and a row of logits, H(Y | Z) <= E[-log softmax(z)_y], or of a predicted "
            "distribution over the classes in the place of the label."
        ),
        arguments=(
            Argument(
                name="temperature",
                default=1.0,
                positional=True,
                minimum=0,
                open_minimum=True,
                scheduled=True,
                learnable=True,
                learned_minimum=0.01,
                about="divides the logits; smaller is sharper",
            ),
        ),
        source="review, equation 8; Caron et al. 2020, eq. 2 (distributions)",
        implementation="mvib.estimators.cross_entropy:cross_entropy",
        forms=(Form.CONDITIONAL_ENTROPY,),
        bound=Bound.UPPER,
        exact_when="softmax(z / t) is p(y | z)",
        formula="- mean_i sum_k a_ik log softmax(z_i / t)_k, a_i the distribution over classes, or 1 at the label",
        needs="a label, or rows of probabilities, and a variable with one logit a class",
        couples_batch=False,
        reduction=Reduction.LOCAL,
        interface=Interface.LABELS,
        spreads=((Form.CONDITIONAL_ENTROPY, Spread.SURENESS),),
    ),
)
