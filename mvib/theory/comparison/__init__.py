"""Two methods side by side: what is the same, what is equal by proof, what bounds what, and what one adds."""

from mvib.theory.comparison.bounding import Bounding as Bounding
from mvib.theory.comparison.bounding import find_bounds as find_bounds
from mvib.theory.comparison.difference import Difference as Difference
from mvib.theory.comparison.difference import Sameness as Sameness
from mvib.theory.comparison.difference import addition_of as addition_of
from mvib.theory.comparison.difference import compare as compare
from mvib.theory.comparison.levels import Level as Level
from mvib.theory.comparison.rewriting import Memory as Memory
from mvib.theory.comparison.rewriting import Rewritten as Rewritten
from mvib.theory.comparison.subject import Subject as Subject
from mvib.theory.comparison.subject import build_subject as build_subject
