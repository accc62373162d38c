"""Data: a TFDS name, a folder of images, arrays or built-in digits become batches that fit a model."""

from tfgen.data.pipeline import attributes, load, size, whole
from tfgen.data.sentences import vocabulary
from tfgen.data.summary import describe, examples

__all__ = ["attributes", "describe", "examples", "load", "size", "vocabulary", "whole"]
