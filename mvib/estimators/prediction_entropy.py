"""Entropy of a predicted class: of the prediction for each example, or of their mean over the batch."""

# Shape suffixes: B rows of this rank, K tokens, C classes.

from typing import Literal, assert_never

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import at_least_float32
from mvib.estimators.ranks import ALONE, Ranks, mean_over_ranks

Of = Literal["logits", "probabilities"]


def prediction_entropy(
    a: Float[Tensor, "B *K C"],
    *,
    temperature: float | Float[Tensor, ""] = 1.0,
    of: Of = "logits",
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of H(A) by the entropy of the class that rows of logits predict, over the whole batch, in nats.

    H(mean_i softmax(a_i / temperature)): the plug-in entropy of a class that is drawn from the prediction for a random
    example. Greatest where the batch uses all classes evenly, however sure each prediction is. The entropy of a mean of
    few rows is too low in expectation, by about (C - 1) / (2 N).

    Args:
        a: unnormalised log probabilities of C classes (`rows.raw`), of each example or of each of its tokens.
        temperature: divides the logits, or the logs of the probabilities; greater than 0, no unit.
        of: whether the rows are logits, or probabilities already. At temperature 1 these are taken as they are, rows of
            zeros included; at another each row is scaled to add up to one.
        ranks: that share the batch.

    Returns:
        Scalar, nats, in [0, log C].

    Source: Assran et al. 2022, arXiv:2204.07141, eq. 1 (MSN, mean-entropy maximisation). Official code:
    facebookresearch/msn, src/losses.py, where log C less this is added to the loss. Across ranks as there, with the
    gradient of all ranks; lightly has the mean of each rank's own rows.
    """
    probabilities = _log_and_probabilities(a, temperature, of)[1].flatten(end_dim=-2)
    total = sum(ranks.counts(len(probabilities)))
    mean_C = ranks.sum(probabilities.sum(dim=0)) / total
    return -(mean_C * _safe_log(mean_C)).sum()


def conditional_entropy(
    a: Float[Tensor, "B *K C"],
    given: Float[Tensor, "B *E"],
    *,
    temperature: float | Float[Tensor, ""] = 1.0,
    of: Of = "logits",
    ranks: Ranks = ALONE,
) -> Float[Tensor, ""]:
    """Surrogate of H(A | B) by the entropy of the class that each row of logits predicts, in nats.

    mean_i H(softmax(a_i / temperature)). A is what a network makes of B, and the entropy is that of a class drawn from
    its prediction given B: how unsure the model is, and no bound on the entropy of the true class.

    Args:
        a: unnormalised log probabilities of C classes (`rows.raw`), of each example or of each of its tokens.
        given: the condition. Only the number of its rows matters: the prediction is all that the network says of it.
        temperature: divides the logits, or the logs of the probabilities; greater than 0, no unit.
        of: whether the rows are logits, or probabilities already. At temperature 1 these are taken as they are, rows of
            zeros included; at another each row is scaled to add up to one.
        ranks: that share the batch.

    Returns:
        Scalar, nats, mean over the batch and over tokens, in [0, log C].

    Source: Grandvalet, Bengio 2005 (minimum entropy). Official code of VAT: takerum/vat_tf, layers.py,
    entropy_y_x; identical.
    """
    logs, probabilities = _log_and_probabilities(a, temperature, of)
    return mean_over_ranks(-(probabilities * logs).sum(dim=-1).mean(), len(given), ranks)


def _log_and_probabilities(
    a: Float[Tensor, "B *K C"], temperature: float | Float[Tensor, ""], of: Of
) -> tuple[Float[Tensor, "B *K C"], Float[Tensor, "B *K C"]]:
    """The logs of the probabilities, and the probabilities."""
    lifted = at_least_float32(a)
    match of:
        case "logits":
            logits = lifted
        case "probabilities":
            logits = _safe_log(lifted)
            if not isinstance(temperature, Tensor) and temperature == 1:
                return logits, lifted
        case _:
            assert_never(of)
    logs = (logits / temperature).log_softmax(dim=-1)
    return logs, logs.exp()


def _safe_log(probabilities: Tensor) -> Tensor:
    """The log, of zero too: it then has no gradient, and its product with zero is zero."""
    return probabilities.clamp_min(torch.finfo(probabilities.dtype).tiny).log()
