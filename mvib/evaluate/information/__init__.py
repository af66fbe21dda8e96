"""Information quantities measured on arrays: one estimate with its direction and interval, without a spec."""

from mvib.evaluate.information.measure import measure_information as measure_information
from mvib.evaluate.information.measurement import Measurement as Measurement
