"""The doctor's look at a model whose training is over, as `tfgen evaluate` has it."""

import math

from tfgen.doctor.callback import PATIENCE, SURE, Finding, TrainingDoctor

PREFIX = "doctor_"


def checkup(model, data, extractor=None, history=()):
    """What is wrong with a trained `AdversarialModel` by one look at it, and by what its run has noted.

    Args:
        model: compiled, as a run's is.
        data: images, or (images, labels), as `fit` takes them; the first `callback.SAMPLES` are used.
        extractor: a `tfgen.metrics.Extractor`; missing classes are found if it knows classes.
        history: the numbers of each epoch, {name: value}, of which those called doctor_* tell what one
            look cannot: whether fakes went on to score above real images, and how the Frechet score went.

    Returns:
        a list of `tfgen.doctor.callback.Finding`, those of the look with None for the epoch.
    """
    rows = [
        {name.removeprefix(PREFIX): row[name] for name in row if name.startswith(PREFIX)} for row in history
    ]
    watching = TrainingDoctor(data, extractor)
    watching.set_model(model)
    watching.on_train_begin()
    return _of_history(rows) + _of_look(watching, rows)


def _of_history(rows):
    watching, lasting = TrainingDoctor(), {}
    for epoch, row in enumerate(rows, 1):
        broken = next((name for name, value in row.items() if not math.isfinite(value)), None)
        if broken:
            return [Finding(epoch, "not a number", f"{PREFIX}{broken} is {row[broken]}")]
        now = watching.trend(row)
        lasting = {name: (*lasting.get(name, ()), evidence) for name, evidence in now.items()}
    since = {name: len(rows) - len(seen) + 1 for name, seen in lasting.items() if len(seen) >= PATIENCE}
    return [Finding(epoch, name, f"{lasting[name][-1]} in the end") for name, epoch in since.items()]


def _of_look(watching, rows):
    broken = watching.broken_weights()
    numbers, outputs = ({}, []) if broken else watching.look()
    broken = broken or next((at for at, top in outputs if not math.isfinite(top)), None)
    if broken:
        return [Finding(None, "not a number", f"in {broken}")]
    found = watching.judge(numbers)
    # Games swing: one look at a discriminator that is ahead says less than the epochs before it.
    shares = [row.get(f"accuracy_{kind}", 1) for row in rows[-PATIENCE:] for kind in ("real", "fake")]
    if min(shares, default=1) < SURE:
        found.pop("discriminator wins", None)
    return [Finding(None, name, evidence.rstrip(",")) for name, evidence in found.items()]
