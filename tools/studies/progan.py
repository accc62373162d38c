"""Does growing pay: ProGAN against the same networks at full resolution from the start?"""

from tfgen import data, metrics
from tfgen.models import ProGAN
from tfgen.pictures import grid
from tools.studies._training import Budget, core_seconds, trained

published = (
    "Karras et al. (2018): figures of CelebA-HQ and all of CIFAR-10, after millions of images; growing "
    "reaches a quality 2 to 6 times sooner (recalled). Nothing is compared."
)
MODEL = dict(image_shape=(32, 32, 3), latent_dim=64, width=16, max_width=64, ema_decay=0.99)
PHASE, BATCH = 320, 16


def run(folder, data_dir, seed, phase=PHASE, source="celeba_small"):
    rows = []
    place = dict(data_dir=data_dir, download=data_dir is None)
    epochs = -(-7 * phase // 562)  # of 9000 images

    def measured(name, model, cost, picture):
        how = dict(metrics=["frechet", "precision", "recall"], n=1000, seed=seed, **place)
        how.update(split="test", extractor="pixels", data={"labels": False})
        scores = {score.name: round(score.value, 3) for score in metrics.evaluate(model, source, **how)}
        steps = int(model.step.numpy()) - (7 if model.phase_steps == 1 else 0)
        rows.append({"ProGAN": name, "steps": steps, **scores, "core-seconds": round(cost)})
        print(rows[-1], flush=True)
        images = model.sample(40, seed=seed).numpy()
        grid(images, (-1.0, 1.0), columns=10).save(folder / f"{picture}.png")

    growing = ProGAN(**MODEL, phase_steps=phase, seed=seed)
    time, _ = trained(growing, source, epochs, BATCH, data_dir, seed, labels=False)
    measured("growing, 4 to 32 pixels", growing, time, "growing")
    full = ProGAN(**MODEL, phase_steps=1, seed=seed)
    full.step.assign(7)  # its phases of a step are over
    given = dict(labels=False, callbacks=[Budget(time)])
    spent, _ = trained(full, source, epochs, BATCH, data_dir, seed, **given)
    measured("32 pixels from the start, equal time", full, spent, "full_equal_time")
    batches = data.load(source, "train", full, BATCH, seed=seed + 1, labels=False, **place)
    left = 562 * epochs - (int(full.step.numpy()) - 7)
    start = core_seconds()
    full.fit(batches.repeat().take(left), verbose=0)
    measured(
        "32 pixels from the start, equal steps", full, spent + core_seconds() - start, "full_equal_steps"
    )
    protocol = (
        f"{source} (9000 faces) at 32x32, batches of {BATCH}, {MODEL}, phases of {phase} steps; a step "
        "before the last level is cheaper. The networks at full resolution are measured after as many "
        "core-seconds as growing took, compilation included, and then go on to as many steps. Scores of "
        "1000 samples against the 1000 test images in pixels. Pictures: samples of one seed."
    )
    return {"protocol": protocol, "rows": rows}
