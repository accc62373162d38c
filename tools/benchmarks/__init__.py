"""How two ways of doing one thing are timed."""

import statistics
import time


def take_turns(ways, rounds=30, warm_up=3):
    """Times {name: function} call by call in turn: {name: {"median_ms", "min_ms"}}.

    A function returns what must be waited for, or None.
    """
    times = {name: [] for name in ways}
    for round_ in range(warm_up + rounds):
        for name, function in ways.items():
            start = time.perf_counter()
            result = function()
            if hasattr(result, "numpy"):
                result.numpy()
            if round_ >= warm_up:
                times[name].append(1e3 * (time.perf_counter() - start))
    return {
        name: {"median_ms": round(statistics.median(ms), 4), "min_ms": round(min(ms), 4)}
        for name, ms in times.items()
    }


def ratio(times, one, other):
    """Median and minimum time of `one` over those of `other`."""
    return {
        "ratio": round(times[one]["median_ms"] / times[other]["median_ms"], 3),
        "ratio_of_minima": round(times[one]["min_ms"] / times[other]["min_ms"], 3),
    }
