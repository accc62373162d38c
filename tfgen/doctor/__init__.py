"""The training doctor: a callback that watches adversarial training, and a look at a trained model."""

from tfgen.doctor.callback import REMEDIES, Finding, TrainingDoctor
from tfgen.doctor.checkup import checkup

__all__ = ["REMEDIES", "Finding", "TrainingDoctor", "checkup"]
