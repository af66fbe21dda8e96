"""From a plan to a `torch.nn.Module`."""

from mvib.compile.compiler import compile_model as compile_model
from mvib.compile.example import ExampleError as ExampleError
from mvib.compile.example import LabelShape as LabelShape
from mvib.compile.example import TokensShape as TokensShape
from mvib.compile.execution import MissingDataError as MissingDataError
from mvib.compile.execution import UnfitDataError as UnfitDataError
from mvib.compile.model import CompiledModel as CompiledModel
from mvib.compile.model import Output as Output
