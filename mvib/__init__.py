"""mvib: a small declarative language and compiler for representation learning.

`load`, `loads` and everything a `Specification` shows by itself import no torch; `compile`, `train` and `estimate` do,
when they are called.
"""

import sys
from types import ModuleType

from mvib.api import Specification as Specification
from mvib.api import compile as compile
from mvib.api import estimate as estimate
from mvib.api import lightning as lightning
from mvib.api import load as load
from mvib.api import loads as loads
from mvib.api import train as train
from mvib.diagnostics import Diagnostic as Diagnostic
from mvib.diagnostics import SpecError as SpecError
from mvib.version import __version__ as __version__


class _Package(ModuleType):
    """`mvib.compile`, `mvib.train` and `mvib.lightning` are functions, and modules of the same names.

    Importing a subpackage binds its name in the parent; here the functions keep their names, whichever comes first.
    """

    def __setattr__(self, name: str, value: object) -> None:
        if name in {"compile", "train", "lightning"} and isinstance(value, ModuleType):
            return
        super().__setattr__(name, value)


sys.modules[__name__].__class__ = _Package
