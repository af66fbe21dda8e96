"""Taking a trained encoder away: weights with a loader, a torch program, ONNX, and the representation of the data."""

from mvib.export.encoder import Encoder as Encoder
from mvib.export.errors import ExportError as ExportError
from mvib.export.export import FORMATS as FORMATS
from mvib.export.export import Export as Export
from mvib.export.export import export_run as export_run
from mvib.export.weights import load_encoder as load_encoder
