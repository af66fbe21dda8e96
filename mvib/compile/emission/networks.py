"""How the module of a file builds its networks: the calls that `mvib.compile.networks` makes, written down."""

import inspect
import keyword
from collections.abc import Mapping

from torch import nn

from mvib.catalogue.signature import ChannelEntry, ModuleEntry
from mvib.compile.emission.context import Context, is_attribute, key_of
from mvib.compile.emission.errors import EmissionError
from mvib.compile.emission.expressions import literal
from mvib.compile.emission.text import call, comment
from mvib.compile.networks import DensityNetwork, import_object, python_arguments
from mvib.nn.heads import (
    BernoulliHead,
    CategoricalHead,
    GaussianHead,
    LaplaceHead,
    MixtureHead,
    VonMisesFisherHead,
)
from mvib.nn.shapes import Shape
from mvib.plan.plan import Auxiliary, Network
from mvib.semantics.method import ChannelKind, Gradient
from mvib.semantics.values import ArgumentValue, BoundCall, EncoderName, Named, Operation, Scheduled

_INDENT = 8
_NETWORKS = "mvib.compile.networks"
_HEADS = "mvib.nn.heads"


def network_lines(context: Context, network: Network, about: str) -> list[str]:
    """The lines that build a network of the plan; none for one that borrows another's weights.

    Args:
        context: of the file.
        network: of the plan.
        about: the statement that declares it.
    """
    if network.gradient is Gradient.STOPPED:
        return []
    key = key_of(context.model.networks, network.name)
    return [*comment(about, indent=_INDENT), _assignment("self.networks", key, _network(context, network))]


def auxiliary_lines(context: Context, auxiliary: Auxiliary, shapes: tuple[Shape, Shape | None]) -> list[str]:
    """The lines that build a critic, a fitted density or a discriminator, from the shapes that it takes."""
    key = key_of(context.model.objective.auxiliaries, auxiliary.name)
    built = context.model.objective.auxiliaries[auxiliary.name]
    first, second = shapes
    if second is None:
        assert isinstance(built, nn.Sequential)
        last = built[3]
        assert isinstance(last, nn.Linear)
        parts = ["nn.Flatten()", "nn.ReLU()", f"nn.Linear({last.in_features}, 1)", "nn.Flatten(0)"]
        made = ("nn.Sequential", [_built(context, auxiliary.call, literal(first)), *parts])
    elif auxiliary.is_density:
        assert isinstance(built, DensityNetwork)
        trunk = _built(context, auxiliary.call, literal(first))
        made = (context.library.piece(_NETWORKS, "DensityNetwork"), [trunk, _head(context, built.head)])
    else:
        made = _call(context, auxiliary.call, [literal(first), literal(second)])
    return [_assignment("self.objective.auxiliaries", key, made)]


def _assignment(owner: str, key: str, made: tuple[str, list[str]]) -> str:
    function, arguments = made
    if is_attribute(key):
        return call(function, arguments, indent=_INDENT, before=f"{owner}.{key} = ")
    return call(function, arguments, indent=_INDENT, before=f"{owner}.add_module({literal(key)}, ", after=")")


def _network(context: Context, network: Network) -> tuple[str, list[str]]:
    library, bound = context.library, network.call
    assert bound is not None
    shapes = _shapes_of(context, network)
    is_separate = network.entry is not None and network.entry.separate
    shape = literal(shapes if is_separate else shapes[0]) if shapes else ""
    if network.kind is ChannelKind.VIEW:
        return _channel(context, network, bound, literal(shapes[0]))
    if network.gradient is Gradient.MOMENTUM:
        return library.piece("mvib.nn.momentum", "MomentumCopy"), [context.network(network.origin)]
    if network.gradient is Gradient.FROZEN:
        inner = bound["network"]
        if isinstance(inner, EncoderName):
            deepcopy = f"{library.external('copy')}.deepcopy"
            return library.piece(_NETWORKS, "Frozen"), [f"{deepcopy}({context.network(inner.name)})"]
        assert isinstance(inner, BoundCall)
        return library.piece(_NETWORKS, "Frozen"), [_built(context, inner, shape)]
    if not network.is_density:
        return _module(context, bound, shape, None)
    built = context.model.networks[network.name]
    assert isinstance(built, DensityNetwork)
    net = bound["net"]
    target = context.probe.targets.get(network.name)
    trunk = _one_line(*_module(context, net, shape, target)) if isinstance(net, BoundCall) else "nn.Identity()"
    placed = ["placed=True"] if built.placed else []
    return library.piece(_NETWORKS, "DensityNetwork"), [trunk, _head(context, built.head), *placed]


def _shapes_of(context: Context, network: Network) -> tuple[Shape, ...]:
    """What a network takes; one that is never run is built for its copies."""
    shapes = context.probe.inputs.get(network.name)
    if shapes is not None:
        return shapes
    copies = (n for n in context.model.plan.networks if n.origin == network.name)
    return next((found for n in copies if (found := context.probe.inputs.get(n.name)) is not None), ())


def _channel(context: Context, network: Network, bound: BoundCall, shape: str) -> tuple[str, list[str]]:
    assert isinstance(bound.entry, ChannelEntry)
    extra = [f"outputs={context.probe.parts.get(network.name, 0)}"] if bound.entry.outputs == 0 else []
    function, arguments = _call(context, bound, [shape])
    return function, [*arguments, *extra]


def _built(context: Context, bound: BoundCall, shape: str) -> str:
    return _one_line(*_module(context, bound, shape, None))


def _module(context: Context, bound: BoundCall, shape: str, target: Shape | None) -> tuple[str, list[str]]:
    if bound.name == "backbone":
        if context.backbone is not None:
            return _module(context, context.backbone, shape, None)
        kind, widths = ("conv", (64, 128, 256)) if shape.count(",") == 2 else ("mlp", (512, 512))
        return context.library.path(f"mvib.nn.builders.{kind}:{kind}"), [shape, f"widths={literal(widths)}"]
    aim = [f"target={literal(target)}"] if isinstance(bound.entry, ModuleEntry) and bound.entry.aims else []
    function, arguments = _call(context, bound, [shape])
    return function, [*arguments, *aim]


def _call(context: Context, bound: BoundCall, first: list[str]) -> tuple[str, list[str]]:
    """The call of a builder, as `python_arguments` binds it."""
    function = context.library.path(bound.entry.implementation)
    kept = python_arguments(bound)
    usual = inspect.signature(import_object(bound.entry.implementation)).parameters
    arguments = list(first)
    for name, value in bound.arguments:
        word = f"{name}_" if keyword.iskeyword(name) else name
        if word not in kept or (word in usual and is_usual(value, kept[word], usual[word].default)):
            continue
        arguments.append(f"{word}={context.argument(value)}")
    return function, arguments


def is_usual(value: ArgumentValue, given: object, default: object) -> bool:
    """Whether an argument is what is taken without it, so that it need not be written; one with a name always is."""
    is_named = isinstance(value, Named | Operation | Scheduled)
    return not is_named and type(given) is type(default) and given == default


def _one_line(function: str, arguments: list[str]) -> str:
    return f"{function}({', '.join(arguments)})"


# ---- heads -------------------------------------------------------------------------------------------------------


def _head(context: Context, head: nn.Module) -> str:
    """The call that makes a head, from what it was made with."""
    match head:
        case GaussianHead():
            extra = {"variance": head.variance, "shift": head.shift}
            return _head_call(context, head, head.parameters_of, head.event, 2 if head.variance is None else 1, extra)
        case LaplaceHead():
            extra = {"scale": head.scale, "shift": head.shift}
            return _head_call(context, head, head.parameters_of, head.event, 2 if head.scale is None else 1, extra)
        case BernoulliHead():
            return _head_call(context, head, head.logits_of, head.event, 1, {"per_entry": head.per_entry})
        case VonMisesFisherHead():
            return _head_call(context, head, head.direction_of, head.event, 1, {"kappa": head.kappa})
        case MixtureHead():
            linear = head.parameters_of[1] if isinstance(head.parameters_of, nn.Sequential) else head.parameters_of
            assert isinstance(linear, nn.Linear)
            words = [str(linear.in_features), literal(tuple(head.event)), f"components={head.components}"]
            words += ["activate=True"] if isinstance(head.parameters_of, nn.Sequential) else []
            return _one_line(context.library.piece(_HEADS, "MixtureHead"), words)
        case CategoricalHead():
            return _head_call(context, head, head.logits_of, None, 1, {"temperature": head.temperature})
        case _:
            raise EmissionError(
                f"the density `{type(head).__name__}` has no words in standalone source",
                remedy="train it with `mvib train`",
            )


def _head_call(
    context: Context,
    head: nn.Module,
    map_: nn.Module,
    event: Shape | None,
    per_dimension: int,
    extra: Mapping[str, object],
) -> str:
    linear = map_[1] if isinstance(map_, nn.Sequential) else map_
    is_linear = isinstance(linear, nn.Linear)
    if event is None:
        # Of classes there are as many as logits.
        classes = linear.out_features if isinstance(linear, nn.Linear) else _num_classes(context, head)
        shape, parameters = literal(classes), classes
    else:
        shape, parameters = literal(event), per_dimension
        for size in event:
            parameters *= size
    features = linear.in_features if isinstance(linear, nn.Linear) else parameters
    words = {**extra, "linear": is_linear, **({"activate": True} if isinstance(map_, nn.Sequential) else {})}
    name = context.library.piece(_HEADS, type(head).__name__)
    return f"{name}({features}, {shape}, {', '.join(f'{word}={literal(value)}' for word, value in words.items())})"


def _num_classes(context: Context, head: nn.Module) -> int:
    """The classes of a head that takes its features for the logits, from the density it gave."""
    owner = next(n.name for n in context.model.plan.networks if _has_head(context, n, head))
    for name, density in context.probe.densities.items():
        if name.startswith(f"{owner}(") or name.partition("(")[0] == owner:
            return int(density.logits.shape[-1])
    raise AssertionError(owner)


def _has_head(context: Context, network: Network, head: nn.Module) -> bool:
    return getattr(context.model.networks[network.name], "head", None) is head


def prior_call(context: Context, prior: BoundCall) -> str:
    """The fixed prior of a rate or a divergence."""
    return _one_line(*_call(context, prior, []))
