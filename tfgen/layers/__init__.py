"""Layers of two or more papers."""

from tfgen.layers.examples import KeyedDropout, KeyedNoise, MinibatchDeviation, MinibatchDiscrimination
from tfgen.layers.kernels import Clip, EqualizedConv2D, EqualizedDense, SpectralNormalization, advance
from tfgen.layers.memory import Recomputed
from tfgen.layers.places import (
    CropBoxes,
    LocallyConnected2D,
    PasteBoxes,
    PixelShuffle,
    PointMaps,
    ReflectionPadding,
    SelfAttention,
)
from tfgen.layers.recurrent import BidirectionalLSTM, Scan, scan
from tfgen.layers.statistics import (
    BatchNormalization,
    ConditionalBatchNormalization,
    InstanceNormalization,
    LayerNormalization,
    PixelNormalization,
    standing_statistics,
)

__all__ = [
    "BatchNormalization",
    "BidirectionalLSTM",
    "Clip",
    "ConditionalBatchNormalization",
    "CropBoxes",
    "EqualizedConv2D",
    "EqualizedDense",
    "InstanceNormalization",
    "KeyedDropout",
    "KeyedNoise",
    "LayerNormalization",
    "LocallyConnected2D",
    "MinibatchDeviation",
    "MinibatchDiscrimination",
    "PasteBoxes",
    "PixelNormalization",
    "PixelShuffle",
    "PointMaps",
    "Recomputed",
    "ReflectionPadding",
    "Scan",
    "SelfAttention",
    "SpectralNormalization",
    "advance",
    "scan",
    "standing_statistics",
]
