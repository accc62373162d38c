"""A part of one face in another: pasted, blended by Poisson's equation, and by GP-GAN."""

import time

import numpy as np

from tfgen import blending, pictures
from tfgen.data import load
from tfgen.degradation import bicubic
from tfgen.models import BlendingGAN
from tools.studies._training import Budget, trained

published = (
    "Wu et al. (2019): a user study and a score of realism, on photographs of 20 scenes; no number of either "
    "compares."
)
SHAPE, MODEL = (64, 64, 3), dict(width=32, bottleneck=512)
TRAINING, PAIRS, LARGE = 420, 128, 512  # core-seconds, of test faces, pixels


def scores(made, source, target, inside):
    """{what: mean} of blended images (n, h, w, c), of the gradients of the channels."""

    def gradients(images):
        return [np.diff(images, axis=axis) for axis in (1, 2)]

    errors, rims = [], []
    for axis, own, wanted in zip((0, 1), gradients(made), gradients(source)):
        both = np.delete(inside, -1, axis) & np.delete(inside, 0, axis)
        rim = np.delete(inside, -1, axis) ^ np.delete(inside, 0, axis)
        errors.append(np.abs(own - wanted)[:, both[..., 0]].ravel())
        rims.append(np.abs(own)[:, rim[..., 0]].ravel())
    steps = np.concatenate([part.ravel() for part in gradients(np.abs(made))])
    return {
        "gradient error inside": round(float(np.mean(np.concatenate(errors))), 4),
        "step over the rim": round(float(np.mean(np.concatenate(rims))), 4),
        "step anywhere": round(float(np.mean(np.abs(steps))), 4),
        "colour apart from the target": round(
            float(np.mean(np.abs((made - target)[:, inside[..., 0]].mean(1)))), 4
        ),
    }


def run(folder, data_dir, seed, core_seconds=TRAINING, pairs=PAIRS):
    model = BlendingGAN(SHAPE, **MODEL, seed=seed, ema_decay=0.99)
    cost, history = trained(
        model, "celeba_small", 1000, 64, data_dir, seed, callbacks=[Budget(core_seconds)], labels=False
    )
    place = dict(data_dir=data_dir, download=data_dir is None)
    target = next(iter(load("celeba_small", "test", model, pairs, labels=False, **place))).numpy()
    source = np.roll(target, 1, axis=0)
    inside = np.zeros((*SHAPE[:2], 1), bool)
    inside[20:46, 16:48] = True
    made = {"pasted": np.where(inside, source, target)}
    made["Poisson"] = np.clip(blending.poisson(source, target, inside), -1, 1)
    made["the network alone"] = np.asarray(model.translate(made["pasted"].astype("float32")))
    made["GP-GAN"] = np.stack([model.blend(*pair, inside) for pair in zip(source, target)])
    pasted = {"images": target}
    again = np.asarray(model.translate(model.inputs_of(pasted, model.key_of(seed))))
    rows = [{"way": way, **scores(images, source, target, inside)} for way, images in made.items()]
    large = [np.asarray(bicubic(part[:1], LARGE, LARGE))[0].clip(-1, 1) for part in (source, target)]
    where = inside.repeat(LARGE // SHAPE[0], 0).repeat(LARGE // SHAPE[1], 1)
    ways = {
        "Poisson": lambda: blending.poisson(*large, where),
        "GP-GAN": lambda: model.blend(*large, where),
    }
    for row in rows:
        if row["way"] in ways:
            start = time.perf_counter()
            ways[row["way"]]()
            row[f"seconds at {LARGE}x{LARGE}"] = round(time.perf_counter() - start, 2)
    columns = ["target", "source", *made]
    picture = np.stack([target[:10], source[:10], *(images[:10] for images in made.values())], 1)
    picture = picture.reshape(-1, *SHAPE).astype("float32")
    pictures.grid(picture, (-1.0, 1.0), columns=len(columns), titles=columns).save(folder / "faces.png")
    protocol = (
        f"CelebA, 9000 faces of 64x64, {MODEL}, {cost:.0f} core-seconds of training (squares "
        f"{history['squares'][-1]:.4f}; of test faces with squares of another light "
        f"{np.mean((again - target) ** 2):.4f}). Eyes and mouth of {pairs} test faces in others, pixels in "
        "[-1, 1]. Gradient error: mean absolute difference of the gradients inside from the source's. Step: "
        "mean absolute difference of neighbours, over the mask's rim and anywhere. Colour: mean absolute "
        "difference of the mean colours inside from the target's. faces.png: " + ", ".join(columns) + "."
    )
    return {"protocol": protocol, "rows": rows}
