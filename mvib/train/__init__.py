"""Training: one loop for every method, from its spec and data to a run folder."""

from mvib.train.config import TrainConfig as TrainConfig
from mvib.train.errors import FolderError as FolderError
from mvib.train.errors import Interrupted as Interrupted
from mvib.train.errors import NonFiniteError as NonFiniteError
from mvib.train.errors import SettingError as SettingError
from mvib.train.loop import train_method as train_method
from mvib.train.run import Run as Run
from mvib.train.run import load_run as load_run
