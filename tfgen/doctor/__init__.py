"""The training doctor: a callback that watches games in training, and a look at a trained model.

measure.py has the numbers of a game, judge.py says what they mean, callback.py and checkup.py when to look.
"""

from tfgen.doctor.callback import TrainingDoctor
from tfgen.doctor.checkup import checkup
from tfgen.doctor.judge import REMEDIES, Finding

__all__ = ["REMEDIES", "Finding", "TrainingDoctor", "checkup"]
