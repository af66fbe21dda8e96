"""Everything a spec may call, in one frozen value; plug-ins join through the same door as the built-ins."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from importlib.metadata import entry_points
from types import MappingProxyType
from typing import TypeVar

from mvib.catalogue.channels import CHANNELS
from mvib.catalogue.distributions import DISTRIBUTIONS
from mvib.catalogue.estimators import ESTIMATORS
from mvib.catalogue.modules import MODULES
from mvib.catalogue.schedules import SCHEDULES
from mvib.catalogue.signature import (
    ChannelEntry,
    DistributionEntry,
    Entry,
    EstimatorEntry,
    LearningRateEntry,
    ModuleEntry,
    OptimizerEntry,
    ScheduleEntry,
    SourceEntry,
)
from mvib.catalogue.training import LEARNING_RATES, OPTIMIZERS, SOURCES

_T = TypeVar("_T", bound=Entry)

PLUGIN_GROUPS = ("mvib.estimators", "mvib.modules", "mvib.data")
DATA_TYPES = ("image", "vector", "sequence", "tokens", "label")
PREDICATES = {
    "gaussian": "each of the variables is jointly Gaussian",
    "sufficient": "sufficient(Z, Y): I(X; Y | Z) = 0 for everything Z is computed from",
    "multiview": "multiview(X1, X2, Y): I(Y; X1 | X2) and I(Y; X2 | X1) are at most eps",
}


class PluginError(Exception):
    """A plug-in that was asked for is not installed, or does not give entries."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Catalogue:
    """Entries by name, one mapping for each kind."""

    estimators: Mapping[str, EstimatorEntry]
    modules: Mapping[str, ModuleEntry]
    distributions: Mapping[str, DistributionEntry]
    channels: Mapping[str, ChannelEntry]
    schedules: Mapping[str, ScheduleEntry]
    optimizers: Mapping[str, OptimizerEntry]
    learning_rates: Mapping[str, LearningRateEntry]
    sources: Mapping[str, SourceEntry]

    def find(self, name: str) -> list[Entry]:
        """All entries of a name, whatever their kind."""
        return [table[name] for table in self._tables() if name in table]

    def names(self) -> list[str]:
        """Names of all entries."""
        return sorted({name for table in self._tables() for name in table})

    def _tables(self) -> tuple[Mapping[str, Entry], ...]:
        return (
            self.estimators, self.modules, self.distributions, self.channels, self.schedules, self.optimizers,
            self.learning_rates, self.sources,
        )  # fmt: skip


@cache
def load_catalogue(plugins: tuple[str, ...] = ()) -> Catalogue:
    """The built-in entries and those of the named plug-ins.

    A plug-in is an installed entry point of one of the groups `mvib.estimators`, `mvib.modules` and `mvib.data`. It is
    imported only when it is named here, which only the command line or a Python caller can do, never a spec.

    Args:
        plugins: names of entry points.

    Raises:
        PluginError: no such entry point, or what it gives is not an entry or a sequence of entries.
    """
    added = [entry for plugin in plugins for entry in _plugin_entries(plugin)]
    return Catalogue(
        estimators=_table(EstimatorEntry, ESTIMATORS, added),
        modules=_table(ModuleEntry, MODULES, added),
        distributions=_table(DistributionEntry, DISTRIBUTIONS, added),
        channels=_table(ChannelEntry, CHANNELS, added),
        schedules=_table(ScheduleEntry, SCHEDULES, added),
        optimizers=_table(OptimizerEntry, OPTIMIZERS, added),
        learning_rates=_table(LearningRateEntry, LEARNING_RATES, added),
        sources=_table(SourceEntry, SOURCES, added),
    )


def _table(kind: type[_T], built_in: Iterable[_T], added: Iterable[Entry]) -> Mapping[str, _T]:
    table = {entry.name: entry for entry in built_in}
    for entry in added:
        if isinstance(entry, kind):
            if entry.name in table:
                raise PluginError(f"a plug-in gives `{entry.name}`, which exists already")
            table[entry.name] = entry
    return MappingProxyType(table)


def _plugin_entries(plugin: str) -> list[Entry]:
    found = [point for group in PLUGIN_GROUPS for point in entry_points(group=group, name=plugin)]
    if not found:
        raise PluginError(f"no plug-in `{plugin}` is installed in the groups {', '.join(PLUGIN_GROUPS)}")
    entries: list[Entry] = []
    for point in found:
        given = point.load()
        values = [given] if isinstance(given, Entry) else list(given)
        if not all(isinstance(value, Entry) for value in values):
            raise PluginError(f"the plug-in `{plugin}` gives something that is not an entry of the catalogue")
        entries.extend(values)
    return entries
