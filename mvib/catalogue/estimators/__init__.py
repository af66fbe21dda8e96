"""The estimators: what each estimates, in which direction its bound goes, and its source; a module a family."""

from mvib.catalogue.estimators.contrastive import CONTRASTIVE
from mvib.catalogue.estimators.critics import CRITICS
from mvib.catalogue.estimators.kernels import KERNELS
from mvib.catalogue.estimators.neighbours import NEIGHBOURS
from mvib.catalogue.estimators.predictions import PREDICTIONS
from mvib.catalogue.estimators.second_order import SECOND_ORDER
from mvib.catalogue.estimators.surrogates import SURROGATES
from mvib.catalogue.estimators.variational import VARIATIONAL

ESTIMATORS = (*CONTRASTIVE, *CRITICS, *SECOND_ORDER, *KERNELS, *VARIATIONAL, *PREDICTIONS, *SURROGATES, *NEIGHBOURS)
