"""Data: a TFDS name, a folder of images, arrays or built-in digits become batches that fit a model."""

from tfgen.data.pipeline import attributes, load, size

__all__ = ["attributes", "load", "size"]
