"""Estimators of the class that a row of logits predicts."""

from mvib.catalogue.signature import (
    Argument,
    Bound,
    EstimatorEntry,
    Form,
    Kind,
    Reduction,
    Spread,
)

_TEMPERATURE = Argument(
    name="temperature",
    default=1.0,
    positional=True,
    minimum=0,
    open_minimum=True,
    scheduled=True,
    learnable=True,
    learned_minimum=0.01,
    about="divides the logits; smaller is sharper",
)

PREDICTIONS = (
    EstimatorEntry(
        name="relative_entropy",
        about="Relative entropy of the classes that two rows of logits predict: what B fails to predict of A's.",
        arguments=(_TEMPERATURE,),
        source="Miyato et al. 2018, eq. 5 (virtual adversarial training)",
        implementation="mvib.estimators.relative_entropy:relative_entropy",
        forms=(Form.CONDITIONAL_ENTROPY,),
        bound=Bound.SURROGATE,
        formula="mean_i KL(softmax(a_i / t) || softmax(b_i / t))",
        needs="two variables with one logit a class",
        any_shape=True,
        couples_batch=False,
        reduction=Reduction.LOCAL,
        drops="the entropy of the class that A predicts",
    ),
    EstimatorEntry(
        name="prediction_entropy",
        about="Entropy of a predicted class: of each prediction on average, or of their mean over the batch.",
        arguments=(
            _TEMPERATURE,
            Argument(
                name="of",
                kind=Kind.CHOICE,
                default="logits",
                choices=("logits", "probabilities"),
                about="what the rows of A are",
            ),
        ),
        source="Grandvalet and Bengio 2005 (H(A | B)); Assran et al. 2022, eq. 1 (H(A))",
        implementation="mvib.estimators.prediction_entropy:prediction_entropy",
        forms=(Form.ENTROPY, Form.CONDITIONAL_ENTROPY),
        bound=Bound.SURROGATE,
        by_form=((Form.CONDITIONAL_ENTROPY, "mvib.estimators.prediction_entropy:conditional_entropy"),),
        formula="H(A): the entropy of mean_i softmax(a_i / t); H(A | B): mean_i of the entropy of softmax(a_i / t)",
        needs="a variable with one logit a class, or with their probabilities",
        any_shape=True,
        same_width=False,
        couples_batch=True,
        saturation="log C, C the number of classes",
        reduction=Reduction.REDUCE,
        spreads=((Form.ENTROPY, Spread.EVENNESS), (Form.CONDITIONAL_ENTROPY, Spread.SURENESS)),
    ),
)
