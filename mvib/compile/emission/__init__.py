"""From a plan to standalone source: one PyTorch file that computes what the compiled module computes, without mvib."""

from mvib.compile.emission.errors import EmissionError as EmissionError
from mvib.compile.emission.program import emit_source as emit_source
