"""View channels p(view | source): one builder a file, from the shape of an example to a module.

A channel draws from torch's global generator only, independently for each example of a batch.
"""

from mvib.data.channels.augment import augment
from mvib.data.channels.crop import crop
from mvib.data.channels.errors import ChannelError
from mvib.data.channels.mask import mask
from mvib.data.channels.noise import noise
from mvib.data.channels.select import select
from mvib.data.channels.strong import strong
from mvib.data.channels.weak import weak

__all__ = ["ChannelError", "augment", "crop", "mask", "noise", "select", "strong", "weak"]
