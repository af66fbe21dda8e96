"""What keeps the representation of a method from being constant: an argument on its graph and its objective."""

from mvib.theory.collapse.argument import Collapse as Collapse
from mvib.theory.collapse.argument import CollapseArgument as CollapseArgument
from mvib.theory.collapse.argument import Mechanism as Mechanism
from mvib.theory.collapse.argument import MechanismKind as MechanismKind
from mvib.theory.collapse.argument import Strength as Strength
from mvib.theory.collapse.argument import Verdict as Verdict
from mvib.theory.collapse.find import find_collapse as find_collapse
