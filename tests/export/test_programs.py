"""The encoder of every bundled method becomes a program that torch reads back, and that gives the same.

`MVIB_ALL_SPECS=1 python -m pytest tests/export/test_programs.py` takes all of them as they are, in some minutes.
"""

import importlib.util
import os
import re

import pytest
import torch

import mvib
from mvib.compile.compiler import compile_model
from mvib.export import Encoder, ExportError
from mvib.export.program import OnnxEncoder, export_program, program_from_bytes, program_to_bytes, program_to_onnx
from mvib.resources import bundled_specs
from mvib.train.examples import example_of

# Of those whose representation draws a view, or goes through what keeps its precision under autocast, one of each kind.
OF_CI = ("cmc", "cpc", "mae", "simmim")
IS_ALL = bool(os.environ.get("MVIB_ALL_SPECS"))
NAMES = tuple(bundled_specs()) if IS_ALL else OF_CI
HAS_ONNX = all(importlib.util.find_spec(name) for name in ("onnx", "onnxscript", "onnxruntime"))


def encoder_of(name: str, *, is_small: bool) -> Encoder:
    text = bundled_specs()[name].read_text()
    if is_small:
        # One block of a transformer is traced as all of them are.
        text = re.sub(r"depth: \d+", "depth: 1", text)
    analysis = mvib.loads(text).analysis
    return Encoder(compile_model(analysis, example_of(analysis)))


def check(encode: torch.nn.Module | OnnxEncoder, encoder: Encoder) -> None:
    for number in (1, 4):
        x = encoder.example(number, seed=number)
        torch.testing.assert_close(encode(*x), encoder(*x), rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("name", NAMES)
def test_a_bundled_method_becomes_a_program(name: str) -> None:
    encoder = encoder_of(name, is_small=not IS_ALL)
    program = export_program(encoder)
    check(program_from_bytes(program_to_bytes(program)), encoder)
    if IS_ALL and HAS_ONNX:
        check(OnnxEncoder(program_to_onnx(program, encoder)), encoder)


def test_what_cannot_be_read_back_is_said_to_be() -> None:
    with pytest.raises(ExportError, match="cannot be written as a torch program that torch can read"):
        program_from_bytes(b"no program")


@pytest.mark.skipif(not HAS_ONNX, reason="needs onnx, onnxscript, onnxruntime")
def test_what_onnxruntime_cannot_read_is_said_to_be() -> None:
    with pytest.raises(ExportError, match="cannot be written as ONNX that onnxruntime can read"):
        OnnxEncoder(b"no ONNX")
