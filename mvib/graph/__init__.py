"""The information-path graph: variables, channels, paths, realisations, shapes and d-separation, over networkx."""

from mvib.graph.graph import InformationGraph as InformationGraph
from mvib.graph.graph import Variable as Variable
from mvib.graph.graph import build_graph as build_graph
from mvib.graph.outlines import Misfit as Misfit
from mvib.graph.outlines import Outline as Outline
from mvib.graph.outlines import Outlines as Outlines
from mvib.graph.paths import Realisation as Realisation
from mvib.graph.paths import find_realisations as find_realisations
from mvib.graph.rates import find_reference_decoder as find_reference_decoder
from mvib.graph.readings import Operand as Operand
from mvib.graph.readings import Reading as Reading
from mvib.graph.readings import find_broken_paths as find_broken_paths
from mvib.graph.readings import read_terms as read_terms
