"""Does an encoder trained without labels make a better MNIST classifier of 100 labels than none?"""

import time

import keras
import numpy as np
import tensorflow as tf

from tfgen.analysis.probe import classifier_of
from tfgen.models import VAE, Autoencoder
from tools.studies._arrays import arrays

CODE = dict(latent_dim=10, body="dense", width=400)
MODELS = {"Autoencoder": Autoencoder, "VAE": VAE}
WIDE = 32  # codes of a wider network, from scratch
EPOCHS, BATCH = 10, 128  # without labels
LABELS_PER_CLASS, DRAWS = 10, 5
PROBE, TUNED, SCRATCH = 300, 150, 450  # steps with labels, in batches of 50


def run(folder, data_dir, seed, epochs=EPOCHS, draws=DRAWS, test=10_000):
    (images, labels), (test_images, test_labels) = (
        arrays("mnist", split, data_dir) for split in ("train", "test")
    )
    test_images, test_labels = (test_images[:test] / 255).astype("float32"), test_labels[:test]
    chosen = []
    for draw in range(draws):
        rng = np.random.default_rng([seed, 100 + draw])  # other draws than those that chose the settings
        rows = [rng.choice(np.flatnonzero(labels == k), LABELS_PER_CLASS, replace=False) for k in range(10)]
        chosen.append(np.concatenate(rows))
    table = []
    for name, cls in MODELS.items():
        start = time.monotonic()
        keras.utils.set_random_seed(seed)  # of the order of `fit`
        model = cls(**CODE, seed=seed)
        fresh, wide = cls(**CODE, seed=seed), cls(**{**CODE, "latent_dim": WIDE}, seed=seed)
        model.compile()
        model.fit(images[: len(images) // BATCH * BATCH], batch_size=BATCH, epochs=epochs, verbose=0)
        print(f"{name}: trained in {time.monotonic() - start:.0f} s", flush=True)
        accuracies = {
            way: [] for way in ("linear probe", "fine-tuned", "from scratch", f"from scratch, {WIDE} codes")
        }
        for index in chosen:
            keras.utils.set_random_seed(seed)
            x, y = (images[index] / 255).astype("float32"), labels[index]
            batches = tf.data.Dataset.from_tensor_slices((x, y)).shuffle(len(x), seed).repeat().batch(50)
            probe = classifier_of(model, 10)
            tuned, scratch, wider = (classifier_of(one, 10, False) for one in (model, fresh, wide))
            probe.fit(batches.take(PROBE), shuffle=False, verbose=0)
            tuned.set_weights(probe.get_weights())
            tuned.optimizer.learning_rate = 3e-4
            tuned.fit(batches.take(TUNED), shuffle=False, verbose=0)
            for one in (scratch, wider):
                one.fit(batches.take(SCRATCH), shuffle=False, verbose=0)
            for way, classifier in zip(accuracies, (probe, tuned, scratch, wider)):
                found = classifier.evaluate(test_images, test_labels, batch_size=500, verbose=0)
                accuracies[way].append(found[1])
        for way, values in accuracies.items():
            row = {
                "encoder": name,
                "classifier": way,
                "test accuracy": round(float(np.mean(values)), 4),
                "standard deviation over draws": round(float(np.std(values, ddof=1)), 4),
            }
            table.append(row)
            print(f"{row}, {time.monotonic() - start:.0f} s", flush=True)
    protocol = (
        f"MNIST. Encoders {CODE}, trained {epochs} epochs on the {len(images)} train images without labels. "
        f"Classifier: a linear layer on the code, {LABELS_PER_CLASS} labels a class, {draws} draws of them, "
        f"batches of 50. Linear probe: {PROBE} steps of Adam 1e-2; fine-tuned: {TUNED} more of the encoder "
        f"too, 3e-4; from scratch: the same network, with random weights, {SCRATCH} steps "
        f"at 1e-3. The settings were chosen on test images with other draws of labels. "
        f"Accuracy on {len(test_images)} test images, mean of the draws."
    )
    return {"protocol": protocol, "rows": table}
