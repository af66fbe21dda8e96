"""What is watched on a held-out sample while a model trains, and the alarm when its representation collapses."""

from mvib.train.monitors.catalogue import MONITORS as MONITORS
from mvib.train.monitors.catalogue import read_monitors as read_monitors
from mvib.train.monitors.monitoring import Monitoring as Monitoring
from mvib.train.monitors.monitoring import due_steps as due_steps
from mvib.train.monitors.neighbours import draw_neighbours as draw_neighbours
from mvib.train.monitors.sinks import open_sinks as open_sinks
