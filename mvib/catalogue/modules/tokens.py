"""Networks of tokens that know their places."""

from mvib.catalogue.signature import ModuleEntry

TOKENS: tuple[ModuleEntry, ...] = ()
