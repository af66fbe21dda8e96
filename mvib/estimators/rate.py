"""The variational rate: upper bound on what a stochastic representation keeps of its input."""

# Shape suffixes: B batch.

from typing import Any, Literal, TypeVar, assert_never, overload

from jaxtyping import Float
from torch import Tensor

from mvib.estimators.densities import Density, Divergent

ReferenceT = TypeVar("ReferenceT")


@overload
def rate(
    posterior: Divergent[ReferenceT],
    reference: ReferenceT,
    *,
    sample: Float[Tensor, "B *E"] | None = None,
    form: Literal["analytic"] = "analytic",
    weights: Float[Tensor, " B"] | None = None,
) -> Float[Tensor, ""]: ...


@overload
def rate(
    posterior: Density,
    reference: Density,
    *,
    sample: Float[Tensor, "B *E"],
    form: Literal["sampled"],
    weights: Float[Tensor, " B"] | None = None,
) -> Float[Tensor, ""]: ...


def rate(
    posterior: Any,
    reference: Any,
    *,
    sample: Float[Tensor, "B *E"] | None = None,
    form: Literal["analytic", "sampled"] = "analytic",
    weights: Float[Tensor, " B"] | None = None,
) -> Float[Tensor, ""]:
    """Upper bound on I(X; Z), or on I(X; Z | Y), in nats by the divergence of p(z | x) from a reference density.

    analytic: mean_i KL(p(z | x_i) || r), in closed form. sampled: mean_i [log p(z_i | x_i) - log r(z_i)] at the sample
    z_i of p(z | x_i), which has the same expectation, more variance, and may be negative on a batch. With a fixed
    reference r(z) the bound is on I(X; Z) and its gap is KL(p(z) || r). With a reference r(z | y), such as a backward
    encoder or the encoder of the other view, it is on I(X; Z | Y) and its gap is E KL(p(z | y) || r(z | y)).

    Args:
        posterior: p(z | x), one distribution for each example. (A deterministic encoder has none: infinite.)
        reference: the prior r(z) or the conditional r(z | y), normalised, or with the normaliser of the posterior.
        sample: reparameterised draw from the posterior, row i from row i. The sampled form needs it.
        form: closed form, or one-sample Monte Carlo.
        weights: by which the divergence of each example is multiplied; all 1 when left out.

    Returns:
        Scalar, nats, sum over the dimensions of Z and mean over the batch.

    Source: Alemi et al. 2017, arXiv:1612.00410, eq. 17; VAE: Kingma, Welling 2014, arXiv:1312.6114, appendix B;
    conditional: Fischer 2020, arXiv:2002.05379, and Federici et al. 2020, arXiv:2002.07017. Official code: vib_demo,
    MNISTVIB.ipynb at e719469 (analytic, divided by log 2 for bits); Multi-View-Information-Bottleneck at 296fbb9,
    training/vae.py line 53 and training/mib.py lines 36-38 (sampled).
    """
    match form:
        case "analytic":
            divergence_B: Tensor = posterior.kl_divergence(reference)
        case "sampled":
            assert sample is not None, "the sampled form of the rate needs a sample of the posterior"
            divergence_B = posterior.log_prob(sample) - reference.log_prob(sample)
        case _:
            assert_never(form)
    return (divergence_B if weights is None else weights * divergence_B).mean()
