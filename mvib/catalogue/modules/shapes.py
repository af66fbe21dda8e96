"""Maps without weights, and maps of several variables."""

from mvib.catalogue.signature import ModuleEntry

SHAPES: tuple[ModuleEntry, ...] = ()
