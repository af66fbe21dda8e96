"""What a spec may call: signatures of estimators, modules, distributions, channels, schedules and data sets.

Nothing here imports torch; implementations are dotted paths.
"""

from mvib.catalogue.catalogue import DATA_TYPES as DATA_TYPES
from mvib.catalogue.catalogue import PREDICATES as PREDICATES
from mvib.catalogue.catalogue import Catalogue as Catalogue
from mvib.catalogue.catalogue import PluginError as PluginError
from mvib.catalogue.catalogue import load_catalogue as load_catalogue
