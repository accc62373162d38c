"""How much nearer than bicubic interpolation does SRResNet come, after 4,550 updates on 91 images?"""

import subprocess
import sys
from pathlib import Path

import numpy as np

from tfgen import data, runs
from tfgen.degradation import bicubic
from tfgen.metrics import pairs
from tfgen.pictures import grid
from tfgen.runs.folder import read

published = (
    "Ledig et al. (2017), table 2, PSNR of Set5 / Set14 after 10^6 updates on 350,000 images of ImageNet: "
    "nearest 26.26 / 24.64, bicubic 28.43 / 25.99, SRCNN 30.07 / 27.18, SRResNet 32.05 / 28.49. Its SSIM is "
    "another tool's, and is not compared."
)
RUN = Path("runs/srresnet/sr_classic")  # that of the record; it is trained if it is not there
CROPS = (("set5", 3, 60, 90), ("set14", 4, 170, 60), ("set14", 2, 60, 40), ("set14", 9, 60, 100))
SIDE = 128
RATE = 1e-3  # of 4,550 updates; the paper's 1e-4 is of a million
PHOTO = """
import resource, sys, time
import numpy as np
from tfgen import runs
model = runs.load(sys.argv[1])
rng = np.random.default_rng(0)
photo = rng.integers(0, 256, (1, 3000, 4000, 3), np.uint8)
large = np.empty((12000, 16000, 3), np.uint8)
start = time.perf_counter()
for top, left, part in model.translate_tiles(photo, 128):
    part = np.uint8(np.rint((part[0] + 1) * 127.5))
    large[top : top + part.shape[0], left : left + part.shape[1]] = part
print(round(time.perf_counter() - start), resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20)
"""


def whole(split, data_dir, scale=4):
    """Images (1, h, w, 3) in [-1, 1], cut to multiples of the scale."""
    for image in data.whole("sr_classic", split, data_dir=data_dir, download=data_dir is None):
        height, width = (size // scale * scale for size in image.shape[:2])
        yield image[None, :height, :width] / np.float32(127.5) - 1


def ways(model, truth):
    """{way: (1, h, w, 3)} of images made of the truth's low-resolution image."""
    low = model.low_resolution(truth)
    nearest = np.repeat(np.repeat(low, 4, axis=1), 4, axis=2)
    smooth = np.clip(bicubic(low, *truth.shape[1:3]), -1, 1)
    return {"nearest": nearest, "bicubic": smooth, "SRResNet": np.asarray(model.upscale(low))}


def run(folder, data_dir, seed):
    if not (RUN / "model.keras").exists():
        place = dict(data_dir=data_dir, download=data_dir is None)
        runs.train("srresnet", RUN, seed=seed, learning_rate=RATE, **place)
    model = runs.load(RUN)
    scores, made = {}, {}
    for split in ("set5", "set14"):
        for number, truth in enumerate(whole(split, data_dir)):
            made[split, number] = {**ways(model, truth), "truth": truth}
            for way, images in made[split, number].items():
                each = scores.setdefault(way, {}).setdefault(split, [])
                each.append([f(images, truth, (-1, 1))[0] for f in (pairs.psnr_y, pairs.ssim_y)])
    rows = [
        {
            "images": way,
            **{
                f"{split} {name}": round(float(np.mean(each, axis=0)[place]), 2 + 2 * place)
                for split, each in scores[way].items()
                for place, name in enumerate(("PSNR, dB", "SSIM"))
            },
        }
        for way in ("nearest", "bicubic", "SRResNet")
    ]
    shown = [
        made[split, number][way][0, top : top + SIDE, left : left + SIDE]
        for split, number, top, left in CROPS
        for way in ("bicubic", "SRResNet", "truth")
    ]
    picture = grid(np.stack(shown), (-1, 1), columns=3, titles=["bicubic", "SRResNet", "truth"])
    picture.save(folder / "crops.png")
    low = model.low_resolution(next(whole("set14", data_dir)))
    gap = float(np.abs(model.upscale(low, tile=40) - model.upscale(low)).max())
    done = subprocess.run([sys.executable, "-c", PHOTO, RUN], capture_output=True, text=True, check=True)
    seconds, memory = done.stdout.split()
    rows.append(
        {
            "images": "4000x3000 photo to 16000x12000, in tiles of 128",
            "seconds": int(seconds),
            "peak memory, GiB": round(float(memory), 2),
            "tiles - whole": f"{gap:.1e}",
        }
    )
    told = read(RUN)
    config, loaded = told["config"], told["data"]
    return {
        "protocol": (
            f"sr_classic. Training: {loaded['examples']} patches an epoch of the 91 images of t91, "
            f"{config['image_shape']}, batches of {told['batch_size']}, {told['epochs']} epochs, width "
            f"{config['width']} and {config['blocks']} blocks. Set5 and Set14, whole images cut to multiples "
            "of 4, made small by 4 (bicubic, antialiased, in bytes); Y of BT.601 in 16..235, 4 pixels "
            "shaved, peak 255; SSIM of Wang et al. (2004); means over images, all through Y, the grey ones "
            "too. crops.png: of Set5 and Set14. The last row: uniform noise of that size; peak resident "
            "memory of the process, with the result in bytes in it; tiles - whole is the largest difference "
            "on the first image of Set14."
        ),
        "rows": rows,
    }
