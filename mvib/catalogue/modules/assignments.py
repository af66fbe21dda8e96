"""What turns scores into assignments: prototypes, balance, sharpening, centring, codebooks."""

from mvib.catalogue.signature import ModuleEntry

ASSIGNMENTS: tuple[ModuleEntry, ...] = ()
