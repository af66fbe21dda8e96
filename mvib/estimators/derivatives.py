"""What the gradients of estimators have in common: they keep their precision, and say where there is no second one."""

from collections.abc import Callable
from functools import wraps
from typing import Any, TypeVar

import torch
from jaxtyping import Float
from torch import Tensor

from mvib.estimators.precision import without_autocast

Gradients = TypeVar("Gradients")


def first_only(backward: Callable[..., Gradients]) -> Callable[..., Gradients]:
    """Make the `backward` of an autograd function refuse to be differentiated, and run it without autocast.

    `torch.autograd.function.once_differentiable` refuses only where the gradients that come in have a gradient of their
    own. Where only the saved rows have one it gives a second derivative without them, which is wrong and says nothing.
    """

    @wraps(backward)
    def checked(ctx: Any, *gradients: Tensor | None) -> Gradients:
        # A backward pass builds a graph if it was asked to, by `create_graph`, and at no other time. A compiler traces
        # it for what it does.
        if torch.is_grad_enabled() and not torch.compiler.is_compiling():
            raise RuntimeError(
                "an estimator of this loss has first derivatives only, so that no gradient can be taken of its "
                "gradient (create_graph=True); take an estimator that has them for this term"
            )
        given = next(gradient for gradient in gradients if gradient is not None)
        with without_autocast(given):
            return backward(ctx, *gradients)

    return checked


def product(a: Float[Tensor, "N D"], b: Float[Tensor, "D M"]) -> Float[Tensor, "N M"]:
    """Return a b, whose gradient keeps the precision of the rows where a backward pass is run under autocast."""
    value: Tensor = _Product.apply(a, b)  # type: ignore[no-untyped-call]
    return value


class _Product(torch.autograd.Function):
    """a b, with the gradients that autograd would compute."""

    @staticmethod
    def forward(ctx: Any, a: Tensor, b: Tensor) -> Tensor:
        """Multiply."""
        ctx.save_for_backward(a, b)
        return a @ b

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, Tensor | None]:
        """G b' and a' g."""
        a, b = ctx.saved_tensors
        with without_autocast(a):
            of_a = product(gradients[0], b.T) if ctx.needs_input_grad[0] else None
            return of_a, product(a.T, gradients[0]) if ctx.needs_input_grad[1] else None
