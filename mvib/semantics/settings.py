"""Resolution of the settings of a train block."""

from collections.abc import Mapping, Sequence

from mvib.catalogue.signature import Argument, Entry, Kind
from mvib.catalogue.training import SETTINGS
from mvib.semantics import errors
from mvib.semantics.method import SettingValue
from mvib.semantics.scope import Scope, Unresolved
from mvib.semantics.values import BoundCall, Scalar, value_at
from mvib.source import SourceFile, Span
from mvib.syntax import ast

# The place of what no file says: values of settings that are left out.
_DEFAULTS = Span(SourceFile("<defaults>", ""), 0, 0)


def resolve_settings(scope: Scope, statements: Sequence[ast.Statement]) -> Mapping[str, SettingValue]:
    """Every setting with the value given or its default."""
    known = {argument.name: argument for argument in SETTINGS}
    given: dict[str, ast.Setting] = {}
    # A second train block is a mistake of its own.
    train = next((statement for statement in statements if isinstance(statement, ast.Train)), None)
    for setting in train.settings if train is not None else ():
        name = setting.key.text
        if name not in known:
            scope.report(errors.unknown_setting(setting.key.span, name, list(known), hint=_hint(scope, name)))
        elif name in given:
            scope.report(errors.setting_given_twice(setting.key.span, name, given[name].key.span))
        else:
            given[name] = setting
    settings: dict[str, SettingValue] = {}
    for name, argument in known.items():
        try:
            settings[name] = _setting(scope, argument, given.get(name))
        except Unresolved:
            continue
    return settings


def _hint(scope: Scope, name: str) -> str:
    """A name that is an argument of the optimizer or of the schedule, not a setting of its own."""
    if name in {"learning_rate", *(a.name for entry in scope.catalogue.optimizers.values() for a in entry.arguments)}:
        return "it is an argument of the optimizer: write `optimizer: adamw(lr: 1e-3, weight_decay: 1e-4)`"
    if name in {a.name for entry in scope.catalogue.learning_rates.values() for a in entry.arguments}:
        return "it is an argument of the schedule: write `schedule: cosine(warmup: 0.05)`"
    return ""


def _setting(scope: Scope, argument: Argument, setting: ast.Setting | None) -> SettingValue:
    if setting is None:
        return _default(scope, argument)
    entry = Entry(name="train", about="", arguments=(argument,))
    named = ast.Argument(span=setting.span, name=setting.key, value=setting.value)
    value = scope.bind(ast.Call(span=setting.span, function=setting.key, arguments=(named,)), entry)[argument.name]
    if isinstance(value, Scalar):
        return value_at(value, 0.0)
    assert value is None or isinstance(value, int | str | BoundCall)
    return value


def _default(scope: Scope, argument: Argument) -> SettingValue:
    catalogue = scope.catalogue
    tables: Mapping[Kind, Mapping[str, Entry]] = {
        Kind.OPTIMIZER: catalogue.optimizers,
        Kind.SCHEDULE: catalogue.learning_rates,
    }
    default = argument.default
    if argument.kind in tables:
        name = ast.Name(span=_DEFAULTS, text=str(default))
        return scope.bind(ast.Call(span=_DEFAULTS, function=name, arguments=()), tables[argument.kind][name.text])
    assert default is None or isinstance(default, int | float | str)
    return default
