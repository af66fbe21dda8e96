"""Estimators that are measured on samples and have no gradient: nearest neighbours, slices, probes."""

from mvib.catalogue.signature import EstimatorEntry

NEIGHBOURS: tuple[EstimatorEntry, ...] = ()
