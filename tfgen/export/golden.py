"""Inputs and outputs that every format of an export must reproduce."""

from typing import NamedTuple

import numpy as np

BOUND = 1e-5


class Case(NamedTuple):
    """Named arrays that go into a signature, and those that come out of it."""

    inputs: dict
    outputs: dict


def save(path, cases):
    """An .npz with the arrays "CASE/inputs/NAME" and "CASE/outputs/NAME"."""
    arrays = {
        f"{number}/{side}/{name}": array
        for number, case in enumerate(cases)
        for side, part in case._asdict().items()
        for name, array in part.items()
    }
    np.savez(path, **arrays)


def load(path):
    cases = []
    with np.load(path) as arrays:
        for key in arrays.files:
            number, side, name = key.split("/")
            if int(number) == len(cases):
                cases.append(Case({}, {}))
            getattr(cases[-1], side)[name] = arrays[key]
    return cases


def difference(got, want):
    """The largest |got - want| / max |want| over named arrays; inf where they are unlike."""
    if got.keys() != want.keys():
        return np.inf
    return max(_difference(np.asarray(got[name]), want[name]) for name in want)


def _difference(got, want):
    if got.shape != want.shape or got.dtype != want.dtype:
        return np.inf
    got, want = got.astype("float64"), want.astype("float64")
    unlike = ~((got == want) | (np.isnan(got) & np.isnan(want)))  # infinities may be equal
    if not unlike.any():
        return 0.0
    error = np.abs(got[unlike] - want[unlike]).max()
    scale = np.abs(want[np.isfinite(want)]).max(initial=0.0)
    return float(error / (scale or 1.0)) if np.isfinite(error) else np.inf
