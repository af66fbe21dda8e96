"""Named protocols beside the two quick probes: each with a tuning split, seeds, and an interval."""

from mvib.evaluate.protocols.material import Material as Material
from mvib.evaluate.protocols.measuring import Measure as Measure
from mvib.evaluate.protocols.measuring import measure_protocol as measure_protocol
from mvib.evaluate.protocols.similarity import linear_cka as linear_cka
from mvib.evaluate.protocols.table import PROTOCOLS as PROTOCOLS
