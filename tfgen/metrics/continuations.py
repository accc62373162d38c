"""Scores of models that continue clips: the next two frames against the true ones."""

import numpy as np

from tfgen import data
from tfgen.data.opening import open_source
from tfgen.errors import InputError, unknown
from tfgen.fields import Image
from tfgen.metrics import pairs

AHEAD = 2  # frames that are scored
FRAMES = {"psnr": pairs.psnr, "ssim": pairs.ssim, "sharpness": pairs.sharpness}
AT_ONCE = 32
MOST = 10_000


def chosen(model, metrics, extractor, features, palette):
    """The names of the scores of frames that are asked for.

    Raises:
        InputError: a score that frames do not have, or what such a score would need.
    """
    owner = type(model).__name__
    for name, given in (("features", features), ("palette", palette)):
        if given is not None:
            raise InputError(f"{owner} continues clips, whose frames are scored without {name}; omit {name}")
    if extractor != "classifier":
        raise InputError(f"{owner} continues clips, whose frames are scored without an extractor; omit it")
    own = [name for name in FRAMES if name != "ssim" or min(model.image_shape[:2]) >= pairs.TAPS]
    for name in metrics or ():
        if name not in own:
            raise unknown(f"metric of {owner}, which continues clips", name, own)
    return own if metrics is None else list(metrics)


def longer(model):
    """What `tfgen.data.load` looks at of a model whose clips go on for the frames that are scored."""
    shape = (model.given + AHEAD, *model.image_shape)
    kind = type(type(model).__name__, (), {"fields": {"frames": Image(shape, *model.value_range)}})
    return kind()


def scored(model, source, split, names, n, seed, place, options):
    """({score: value of each clip (n,)}, the same of the last frame shown again, clips there are).

    The scores are called psnr_1 and psnr_2, of the first frame and of the second.

    Args:
        names: of FRAMES.
        n: how many clips; None: all there are, at most 10,000.
        place, options: further arguments of `tfgen.data.load`.
    """
    clips = longer(model)
    count = open_source(source, split, **place, names=clips.fields).count
    n = min(MOST if n is None else n, count)
    batches = data.load(
        source, split, clips, AT_ONCE, shuffle=True, seed=seed, epochs=range(1), drop_remainder=False,
        **place, **options,
    )  # fmt: skip
    ours, copied, seen = {}, {}, 0
    for batch in batches.as_numpy_iterator():
        frames = batch["frames"][: n - seen]
        if not len(frames):
            break
        seen += len(frames)
        made = np.asarray(model.extend(frames[:, : model.given], AHEAD))
        for k in range(AHEAD):
            truth, last = frames[:, model.given + k], frames[:, model.given - 1]
            for name in names:
                for found, guess in ((ours, made[:, k]), (copied, last)):
                    values = FRAMES[name](guess, truth, model.value_range)
                    found.setdefault(f"{name}_{k + 1}", []).append(values)
    ours, copied = ({name: np.concatenate(x) for name, x in found.items()} for found in (ours, copied))
    return ours, copied, count
