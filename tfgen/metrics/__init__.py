"""Scores: how near the samples of a model are to real images, and how likely the images are to it.

`evaluate` does it all; the functions work on features, shape (n, d), of any extractor.
"""

from tfgen.metrics.evaluation import METRICS, evaluate
from tfgen.metrics.extractors import Extractor, extractor
from tfgen.metrics.frechet import Moments, frechet_distance
from tfgen.metrics.kernel import kernel_distance
from tfgen.metrics.likelihood import active_units, annealed_importance
from tfgen.metrics.mode_coverage import modes
from tfgen.metrics.neighbours import density_coverage, precision_recall
from tfgen.metrics.outliers import auroc, outlier_scores
from tfgen.metrics.parzen import parzen_log_likelihood
from tfgen.metrics.score import Score
from tfgen.metrics.small_classifier import classifier
from tfgen.metrics.two_sample import two_sample_test

__all__ = [
    "METRICS",
    "Extractor",
    "Moments",
    "Score",
    "active_units",
    "annealed_importance",
    "auroc",
    "classifier",
    "density_coverage",
    "evaluate",
    "extractor",
    "frechet_distance",
    "kernel_distance",
    "modes",
    "outlier_scores",
    "parzen_log_likelihood",
    "precision_recall",
    "two_sample_test",
]
