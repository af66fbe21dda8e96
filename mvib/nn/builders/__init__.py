"""Builders of networks: functions from the shape of the input (without the batch) and options to a module.

One noun a file. A builder raises `ShapeError` where it cannot take the shape. Its module can be made and run on the
meta device, which is how the shapes of a whole method are inferred before any data is read (in training mode a batch
normalisation wants at least two examples there too).
"""
