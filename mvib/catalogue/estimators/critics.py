"""Estimators that score pairs with a trained critic, and those that fit a conditional density."""

from mvib.catalogue.signature import (
    Argument,
    Bound,
    EstimatorEntry,
    Form,
    Interface,
    Kind,
    Reduction,
)

CRITICS = (
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
)
