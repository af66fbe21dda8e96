"""From calls of a spec to torch modules: builders, heads on trunks, copies."""

import copy
import importlib
import keyword
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeGuard

import torch
from torch import Tensor, nn

from mvib.catalogue.signature import ModuleEntry
from mvib.compile.example import ExampleError
from mvib.compile.execution import Networks
from mvib.nn.heads import (
    BernoulliHead,
    CategoricalHead,
    GaussianHead,
    LaplaceHead,
    MixtureHead,
    VonMisesFisherHead,
)
from mvib.nn.momentum import MomentumCopy
from mvib.nn.shapes import Shape
from mvib.plan.plan import Auxiliary, Network
from mvib.semantics.method import Gradient
from mvib.semantics.values import (
    ArgumentValue,
    BoundCall,
    Constant,
    EncoderName,
    Named,
    Operation,
    Scheduled,
    VariableName,
    value_at,
)


@dataclass(frozen=True, slots=True, kw_only=True)
class Target:
    """The variable a decoder is a density of.

    Attributes:
        shape: of one example.
        classes: of a label, else None.
        is_data: whether its width comes from the data, so that a head may adapt to it.
    """

    shape: Shape
    classes: int | None
    is_data: bool


class WidthError(Exception):
    """The network of a decoder ends in another width than the variable it predicts.

    Attributes:
        needed: width that the density takes.
        found: width given.
        remedy: text that can be pasted.
    """

    def __init__(self, *, needed: int, found: int, remedy: str) -> None:
        """Record both widths."""
        super().__init__(f"width {needed} is needed, and {found} is given; {remedy}")
        self.needed, self.found, self.remedy = needed, found, remedy


class DensityNetwork(nn.Module):
    """A network and the head that turns its features into a density."""

    def __init__(self, trunk: nn.Module, head: nn.Module, *, placed: bool = False) -> None:
        """Join both; a trunk that is `placed` gives the places of its tokens too."""
        super().__init__()
        self.trunk = trunk
        self.head = head
        self.placed = placed

    def forward(self, x: Tensor, **context: Any) -> Any:
        """Density of each row; `context` is what the trunk is called with besides."""
        features = self.trunk(x, **context)
        return self.head((features[0] if self.placed else features).flatten(1))


class Frozen(nn.Module):
    """A network that is not trained, nor are the statistics of its normalisation layers; gradients pass through it."""

    def __init__(self, network: nn.Module) -> None:
        """Freeze the parameters of `network`, which becomes this module's own."""
        super().__init__()
        self.network = network.requires_grad_(False)
        self.eval()

    def train(self, mode: bool = True) -> "Frozen":
        """Stay in evaluation mode, whatever the mode of the model."""
        return super().train(mode=False)

    def forward(self, *inputs: Tensor, **context: Any) -> Any:
        """What the network gives."""
        return self.network(*inputs, **context)


def import_object(path: str) -> Callable[..., Any]:
    """The object of a dotted path `package.module:object` of the catalogue; a spec never gives one."""
    module, _, name = path.partition(":")
    found: Callable[..., Any] = getattr(importlib.import_module(module), name)
    return found


def python_arguments(call: BoundCall) -> dict[str, Any]:
    """The arguments of a call as Python takes them; those that mean something by being left out are left out."""
    arguments = {}
    for name, value in call.arguments:
        converted = python_value(value)
        if converted is not None and not isinstance(converted, VariableName):
            arguments[f"{name}_" if keyword.iskeyword(name) else name] = converted
    return arguments


def python_value(value: ArgumentValue) -> Any:
    """A value as Python takes it; scheduled numbers at the start of training."""
    match value:
        case Constant() | Named() | Operation() | Scheduled():
            return value_at(value, 0.0)
        case _:
            return value


# The shape of what a network takes, or of each of several variables that reach it each on its own.
Shapes = Shape | tuple[Shape, ...]


def build_network(
    network: Network, shape: Shapes, target: Target | None, built: Networks, backbone: BoundCall | None
) -> nn.Module:
    """The module of a network of the plan.

    Args:
        network: of the plan.
        shape: of its input, without batch.
        target: for a decoder, what it is a density of.
        built: networks built before, by name.
        backbone: what `backbone()` stands for; None for the default of the shape.

    Raises:
        ShapeError: it cannot take the shape.
        WidthError: it is a decoder and does not give the width that is needed.
    """
    assert network.call is not None
    match network.gradient:
        case Gradient.MOMENTUM:
            return MomentumCopy(built[network.origin])
        case Gradient.STOPPED:
            # It borrows the weights of its origin, which own them.
            return nn.Identity()
        case Gradient.FROZEN:
            inner = network.call["network"]
            if isinstance(inner, EncoderName):
                return Frozen(copy.deepcopy(built[inner.name]))
            assert isinstance(inner, BoundCall)
            return Frozen(build_module(inner, shape, backbone))
        case Gradient.TRAINED:
            if network.is_density:
                return _build_density(network, shape, target, backbone)
            return build_module(network.call, shape, backbone)


def build_auxiliary(auxiliary: Auxiliary, first: Shape, second: Shape | None) -> nn.Module:
    """A critic between values of two shapes, a Gaussian density of the second given the first, or a discriminator."""
    call = auxiliary.call
    if second is None:
        trunk = build_module(call, first, None)
        return nn.Sequential(trunk, nn.Flatten(), nn.ReLU(), nn.Linear(_width_of(trunk, first), 1), nn.Flatten(0))
    if not auxiliary.is_density:
        critic: nn.Module = import_object(call.entry.implementation)(first, second, **python_arguments(call))
        return critic
    trunk = build_module(call, first, None)
    features = _width_of(trunk, first)
    head = GaussianHead(features, second, variance=None, linear=True, activate=True)
    return DensityNetwork(trunk, head)


def is_single(shape: Shapes) -> TypeGuard[Shape]:
    """Whether it is the shape of one variable."""
    return not any(isinstance(size, tuple) for size in shape)


def build_module(
    call: BoundCall, shape: Shapes, backbone: BoundCall | None, *, target: Shape | None = None
) -> nn.Module:
    """The module of a builder's call; `target` is the shape of what is predicted, where the builder asks for it."""
    if call.name == "backbone":
        if backbone is not None:
            return build_module(backbone, shape, None)
        assert is_single(shape)
        return _default_backbone(shape)
    aim = {"target": target} if isinstance(call.entry, ModuleEntry) and call.entry.aims else {}
    built: nn.Module = import_object(call.entry.implementation)(shape, **python_arguments(call), **aim)
    return built


def _default_backbone(shape: Shape) -> nn.Module:
    if len(shape) == 3:
        conv: nn.Module = import_object("mvib.nn.builders.conv:conv")(shape, widths=(64, 128, 256))
        return conv
    mlp: nn.Module = import_object("mvib.nn.builders.mlp:mlp")(shape, widths=(512, 512))
    return mlp


# ---- densities -------------------------------------------------------------------------------------------------


def _build_density(network: Network, shapes: Shapes, target: Target | None, backbone: BoundCall | None) -> nn.Module:
    call, entry = network.call, network.entry
    assert call is not None
    # A network that takes variables on their own, such as `gru`, is told of one.
    shape: Shape = shapes if is_single(shapes) else shapes[0]  # type: ignore[assignment]
    net = call["net"]
    has_net = isinstance(net, BoundCall)
    aim = target.shape if target is not None else None
    trunk: nn.Module = build_module(net, shapes, backbone, target=aim) if isinstance(net, BoundCall) else nn.Identity()
    is_placed = entry is not None and entry.placed
    if entry is not None and entry.aims and aim is not None:
        features = math.prod(aim)
    else:
        dtype = torch.int64 if entry is not None and entry.words else torch.float32
        features = _width_of(trunk, shape, placed=is_placed, dtype=dtype)
    if target is None:
        head = _encoder_head(call, features, shape if not has_net else (features,), has_net=has_net)
        return DensityNetwork(trunk, head, placed=is_placed)
    ends_itself = isinstance(net, BoundCall) and net.name == "linear"
    head = _decoder_head(call, features, target, has_net=has_net, ends_itself=ends_itself)
    return DensityNetwork(trunk, head, placed=is_placed)


def _width_of(trunk: nn.Module, shape: Shape, *, placed: bool = False, dtype: torch.dtype = torch.float32) -> int:
    """Width of what a trunk gives, found on the meta device."""
    with torch.device("meta"):
        probe = copy.deepcopy(trunk).to("meta")
        given = torch.empty(4, *shape, dtype=dtype)
        if placed:
            return int(probe(given, places=torch.zeros(4, shape[0], 3, dtype=torch.int64))[0].flatten(1).shape[1])
        return int(probe(given).flatten(1).shape[1])


def _scale_arguments(call: BoundCall) -> dict[str, Any]:
    """Fixed scale of a location-scale family under its head's name, None when it is learned, and the shift."""
    name, keyword_name = ("var", "variance") if call.name == "gaussian" else ("scale", "scale")
    given = call[name]
    return {keyword_name: None if given == "learned" else python_value(given), "shift": python_value(call["shift"])}


_LOCATION_SCALE: Mapping[str, type[nn.Module]] = {"gaussian": GaussianHead, "laplace": LaplaceHead}


def _encoder_head(call: BoundCall, features: int, event: Shape, *, has_net: bool) -> nn.Module:
    if call.name == "vmf":
        return VonMisesFisherHead(features, event, kappa=python_value(call["kappa"]))
    head = _LOCATION_SCALE[call.name]
    arguments = _scale_arguments(call)
    is_learned = None in (arguments.get("variance", 0), arguments.get("scale", 0))
    dim = call["dim"]
    linear = dim is not None or is_learned
    if dim is not None:
        event = (int(dim),)  # type: ignore[arg-type]
    elif is_learned:
        event = (features,)
    return head(features, event, linear=linear, activate=linear and has_net, **arguments)


def _decoder_head(call: BoundCall, features: int, target: Target, *, has_net: bool, ends_itself: bool) -> nn.Module:
    match call.name:
        case "categorical":
            if target.classes is None:
                raise ExampleError("no example says how many classes the label has that a decoder predicts")
            linear = _needs_linear(call, features, target.classes, target, ends_itself=ends_itself)
            temperature = python_value(call["temperature"])
            return CategoricalHead(
                features, target.classes, temperature=temperature, linear=linear, activate=linear and has_net
            )
        case "bernoulli":
            linear = _needs_linear(call, features, math.prod(target.shape), target, ends_itself=ends_itself)
            per_entry = bool(call["per_entry"])
            return BernoulliHead(
                features, target.shape, per_entry=per_entry, linear=linear, activate=linear and has_net
            )
        case "vmf":
            linear = _needs_linear(call, features, math.prod(target.shape), target, ends_itself=ends_itself)
            kappa = python_value(call["kappa"])
            return VonMisesFisherHead(features, target.shape, kappa=kappa, linear=linear, activate=linear and has_net)
        case "mixture":
            components = python_value(call["components"])
            return MixtureHead(features, target.shape, components=components, activate=has_net)
        case _:
            arguments = _scale_arguments(call)
            is_learned = None in (arguments.get("variance", 0), arguments.get("scale", 0))
            numel = math.prod(target.shape)
            dim = call["dim"]
            if dim is not None and dim != numel:
                raise WidthError(
                    needed=numel,
                    found=int(dim),  # type: ignore[arg-type]
                    remedy="leave `dim` out of a decoder: its width is that of what it predicts",
                )
            linear = is_learned or dim is not None
            if not linear:
                linear = _needs_linear(call, features, numel, target, ends_itself=ends_itself)
            return _LOCATION_SCALE[call.name](
                features, target.shape, linear=linear, activate=linear and has_net, **arguments
            )


def _needs_linear(call: BoundCall, features: int, needed: int, target: Target, *, ends_itself: bool) -> bool:
    """Whether a head adds a linear layer: only where the data set the width and the net does not."""
    if features == needed:
        return False
    if ends_itself or not target.is_data:
        net = call["net"]
        name = net.name if isinstance(net, BoundCall) else "mlp"
        example = f"linear({needed})" if ends_itself or name == "linear" else f"mlp(..., {needed})"
        raise WidthError(needed=needed, found=features, remedy=f"end its network in {needed}: `{call.name}({example})`")
    return True
