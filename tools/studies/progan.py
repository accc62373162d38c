"""Does growing pay: ProGAN against the same networks at full resolution from the start?"""

from tfgen import metrics
from tfgen.models import ProGAN
from tfgen.pictures import grid
from tools.studies._training import trained

published = "Karras et al. (2018): figures of CelebA-HQ and all of CIFAR-10; nothing is compared."
MODEL = dict(image_shape=(32, 32, 3), latent_dim=64, width=16, max_width=64, ema_decay=0.99)
PHASE, BATCH = 320, 16


def run(folder, data_dir, seed, phase=PHASE, source="celeba_small"):
    rows, pictures = [], []
    steps = 7 * phase
    epochs = -(-steps // 562)  # of 9000 images
    for name, phase_steps in (("growing, 4 to 32 pixels", phase), ("32 pixels from the start", None)):
        model = ProGAN(**MODEL, phase_steps=phase_steps or 1, seed=seed)
        if phase_steps is None:
            model.step.assign(7)  # its phases of a step are over
        cost, _ = trained(model, source, epochs, BATCH, data_dir, seed, labels=False)
        how = dict(metrics=["frechet", "precision", "recall"], n=1000, seed=seed, data_dir=data_dir)
        how.update(split="test", extractor="pixels", download=data_dir is None, data={"labels": False})
        scores = {score.name: round(score.value, 3) for score in metrics.evaluate(model, source, **how)}
        rows.append({"ProGAN": name, "epochs": epochs, **scores, "core-seconds": round(cost)})
        print(rows[-1], flush=True)
        pictures.append(model.sample(40, seed=seed).numpy())
    for name, images in zip(("growing", "full"), pictures):
        grid(images, (-1.0, 1.0), columns=10).save(folder / f"{name}.png")
    return {
        "protocol": (
            f"{source} (9000 faces) at 32x32, batches of {BATCH}, {MODEL}, phases of {phase} steps, "
            "equal epochs for both; a step before the last level is cheaper, see the core-seconds. "
            "Scores of 1000 samples against the 1000 test images in pixels. growing.png and full.png:"
            " samples of one seed."
        ),
        "rows": rows,
    }
