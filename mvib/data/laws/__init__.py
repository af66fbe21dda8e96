"""Laws of pairs whose mutual information is known, to hold estimators against.

Knows random numbers and closed forms; knows nothing of estimators. The families are those of Czyz et al. 2023, 'Beyond
Normal', arXiv:2306.11078, and of Gao et al. 2017, arXiv:1709.06212, written from their formulas.
"""

from mvib.data.laws.discrete import discrete, symmetric_channel, uniform_step, zero_inflated_poisson
from mvib.data.laws.gaussian import dense_gaussian, gaussian, independent, multinormal, sparse_gaussian
from mvib.data.laws.images import asinh, half_cube, spiral, swiss_roll, uniform, wiggly
from mvib.data.laws.law import Kind, Law, image
from mvib.data.laws.student import student
from mvib.data.laws.table import LAWS
from mvib.data.laws.uniform_noise import uniform_noise

__all__ = [
    "LAWS",
    "Kind",
    "Law",
    "asinh",
    "dense_gaussian",
    "discrete",
    "gaussian",
    "half_cube",
    "image",
    "independent",
    "multinormal",
    "sparse_gaussian",
    "spiral",
    "student",
    "swiss_roll",
    "symmetric_channel",
    "uniform",
    "uniform_noise",
    "uniform_step",
    "wiggly",
    "zero_inflated_poisson",
]
