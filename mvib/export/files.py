"""The names of the files of an export. By them, and by no list in a folder, a file is known to be of a format."""

import re

SPEC, WEIGHTS = "spec.mvib", "encoder.safetensors"
PROGRAM, ONNX = "encoder.pt2", "encoder.onnx"
TABLE = "representation.parquet"
LOADER = "load_encoder.py"
# The loader is of every format that is an encoder.
LOADER_FORM = "loader"

_FORMS = {
    SPEC: "safetensors",
    WEIGHTS: "safetensors",
    PROGRAM: "torch",
    ONNX: "onnx",
    TABLE: "parquet",
    LOADER: LOADER_FORM,
}
_ARRAYS = re.compile(r"(representation|label-[A-Za-z0-9_-]+)-(train|test)\.npy|rows-(train|test)\.jsonl")


def form_of(name: str) -> str | None:
    """The format that a file of this name is of; none where mvib gives no file that name."""
    return "npy" if _ARRAYS.fullmatch(name) else _FORMS.get(name)
