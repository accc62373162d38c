"""The doctor's look at a model whose training is over, as `tfgen evaluate` has it."""

import math
from collections.abc import Sequence
from typing import Any

from tfgen.doctor.callback import broken_output, looks_at, of_game
from tfgen.doctor.judge import BROKEN, RULES, SURE, Finding, judge
from tfgen.doctor.measure import broken_weights, probe
from tfgen.metrics.extractors import Extractor
from tfgen.models.abilities import Games, needs

PREFIX = "doctor_"
LASTING = {rule.name: rule.lasting for rule in RULES}


def checkup(
    model: Games, data: Any, extractor: Extractor | None = None, history: Sequence[dict[str, float]] = ()
) -> list[Finding]:
    """What is wrong with a trained model of `Games` by one look at it, and by what its run has noted.

    Args:
        model: compiled, as a run's is.
        data: images, or (images, labels), as `fit` takes them; the first `measure.SAMPLES` are used.
        extractor: a `tfgen.metrics.Extractor`; missing classes are found if it knows classes.
        history: the numbers of each epoch, {name: value}, of which those called doctor_* tell what one
            look cannot: whether fakes went on to score above real images, and how the Frechet score went.

    Returns:
        a list of `tfgen.doctor.Finding`, those of the look with None for the epoch.

    Raises:
        InputError: a model without games.
    """
    needs(model, Games, "a checkup")
    rows = {game.name: _rows(history, game.name) for game in model.games()}
    found = [finding for name in rows for finding in _of_history(rows[name], name)]
    return found + _of_look(model, probe(model, data), extractor, rows)


def _rows(history, game):
    prefix = f"{PREFIX}{game}_" if game else PREFIX
    return [
        {name.removeprefix(prefix): row[name] for name in row if name.startswith(prefix)} for row in history
    ]


def _of_history(rows, game):
    lasting = {}
    for epoch, row in enumerate(rows, 1):
        broken = next((name for name, value in row.items() if not math.isfinite(value)), None)
        if broken:
            return [Finding(epoch, BROKEN, f"{of_game(game)}{PREFIX}{broken} is {row[broken]}")]
        now = judge(row, rows[: epoch - 1], trends=True)
        lasting = {name: (*lasting.get(name, ()), evidence) for name, evidence in now.items()}
    return [
        Finding(len(rows) - len(seen) + 1, name, f"{of_game(game)}{seen[-1]} in the end")
        for name, seen in lasting.items()
        if len(seen) >= LASTING[name]
    ]


def _of_look(model, at, extractor, rows):
    broken = broken_weights(model)
    looks = [] if broken else looks_at(model, at, extractor)
    broken = broken or broken_output([output for _, _, heard in looks for output in heard])
    if broken:
        return [Finding(None, BROKEN, f"in {broken}")]
    findings = []
    for game, numbers, _ in looks:
        found = judge(numbers, trends=False)
        # Games swing: one look at a discriminator that is ahead says less than the epochs before it.
        last = rows[game][-LASTING["discriminator wins"] :]
        shares = [row.get(f"accuracy_{kind}", 1) for row in last for kind in ("real", "fake")]
        if min(shares, default=1) < SURE:
            found.pop("discriminator wins", None)
        findings += [Finding(None, name, of_game(game) + why.rstrip(",")) for name, why in found.items()]
    return findings
