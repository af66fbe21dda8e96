"""Estimators from kernels on pairs of rows."""

from mvib.catalogue.signature import EstimatorEntry

KERNELS: tuple[EstimatorEntry, ...] = ()
