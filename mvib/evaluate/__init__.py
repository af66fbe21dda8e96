"""Evaluation of a frozen encoder by named protocols. Knows models and data, not training or run folders."""

from mvib.evaluate.comparison import Comparison as Comparison
from mvib.evaluate.evaluation import Evaluation as Evaluation
from mvib.evaluate.evaluation import ProbeError as ProbeError
from mvib.evaluate.evaluation import evaluate_model as evaluate_model
from mvib.evaluate.evaluation import represent as represent
from mvib.evaluate.spread import effective_rank as effective_rank
