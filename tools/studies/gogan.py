"""GoGAN by stage beside WGAN of as many minutes: does ranking above an earlier GAN pay on Fashion-MNIST?"""

import keras
import numpy as np

from tfgen import data
from tfgen.models import WGAN, GoGAN
from tfgen.pictures import grid
from tools.studies._training import Budget, core_seconds, forget, scores

published = (
    "Juefei-Xu et al. (2017) complete images of CelebA, LSUN, CIFAR-10 and 50K-SSFF, and show bars and "
    "curves; no figure was at hand to compare."
)
SOURCE, BATCH, SAMPLES, SHOWN = "fashion_mnist", 64, 5_000, 16
STAGES, STAGE_STEPS, RATE = 3, 1_800, 5e-4
NETWORKS = dict(image_shape=(28, 28, 1), width=32)


def run(folder, data_dir, seed, stage_steps=STAGE_STEPS, n=SAMPLES):
    place = dict(data_dir=data_dir, download=data_dir is None)
    rows, pictures, times = [], [], []

    def measured(name, model, spent):
        found = scores(model, SOURCE, n, data_dir, seed)
        row = {"model": name, "steps": int(model.step.numpy()), **found, "core-seconds": round(spent)}
        rows.append(row)
        print(row, flush=True)
        pictures.append(np.asarray(model.sample(SHOWN, seed=seed)))

    def trained(name, model, budgets=None):
        rates = {one: keras.optimizers.RMSprop(RATE) for one in model.objectives()}
        model.compile(rates)
        batches = data.load(SOURCE, "train", model, BATCH, seed=seed, **place).repeat()
        spent = 0
        for part in range(STAGES):
            start = core_seconds()
            how = dict(steps_per_epoch=stage_steps, callbacks=[])
            if budgets:  # as long as the others' stage
                how = dict(steps_per_epoch=100 * stage_steps, callbacks=[Budget(budgets[part])])
            model.fit(batches, epochs=1, verbose=0, **how)
            times.append(core_seconds() - start)
            spent += times[-1]
            measured(f"{name} {part + 1}", model, spent)
        forget()

    trained("GoGAN, stage", GoGAN(**NETWORKS, stages=STAGES, stage_steps=stage_steps, seed=seed))
    own = list(times)
    trained("one stage, third", GoGAN(**NETWORKS, stages=1, stage_steps=stage_steps, seed=seed), own)
    trained("WGAN, third", WGAN(**NETWORKS, seed=seed), own)
    grid(np.concatenate(pictures), (-1.0, 1.0), columns=SHOWN, gap=1).save(folder / "samples.png")
    protocol = (
        f"{SOURCE}, batches of {BATCH}, {NETWORKS}, RMSprop({RATE}), 5 updates of the critic for one of the "
        f"generator, no averages. GoGAN has {STAGES} stages of {stage_steps} steps, margin 1, ranking weight "
        "0.5, clip 0.1; WGAN has clip 0.01, and one stage alone is GoGAN without ranking; these two are "
        "measured after as many core-seconds of training as GoGAN at the end of each stage. Frechet "
        f"distance, precision and recall of {n} samples against as many test images in the features of the "
        "data's classifier. samples.png has a row for each row."
    )
    return {"protocol": protocol, "rows": rows}
