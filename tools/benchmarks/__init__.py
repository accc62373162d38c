"""How two ways of doing one thing are timed."""

from export.speed import take_turns as take_turns


def ratio(times, one, other):
    """Median and minimum time of `one` over those of `other`."""
    return {
        "ratio": round(times[one]["median_ms"] / times[other]["median_ms"], 3),
        "ratio_of_minima": round(times[one]["min_ms"] / times[other]["min_ms"], 3),
    }
