"""The builders of networks, critics and copies, by family."""

from mvib.catalogue.modules.assignments import ASSIGNMENTS
from mvib.catalogue.modules.copies import COPIES
from mvib.catalogue.modules.critics import CRITICS
from mvib.catalogue.modules.memories import MEMORIES
from mvib.catalogue.modules.networks import NETWORKS
from mvib.catalogue.modules.shapes import SHAPES
from mvib.catalogue.modules.tokens import TOKENS

MODULES = (*NETWORKS, *SHAPES, *TOKENS, *ASSIGNMENTS, *COPIES, *MEMORIES, *CRITICS)
