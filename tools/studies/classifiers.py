"""How well do generative models classify digits by Bayes' rule, beside a logistic regression?

MNIST, 0s against 1s and all ten digits. One Gaussian of full covariance for each class on pixels in
[0, 1], whose regularisation is chosen by a tenth of the training images; a conditional VAE, whose
bound on log p(x|y) by importance samples stands for log p(x|y); scikit-learn's logistic regression.
The generative ones are fitted once, on all ten digits: 0s against 1s compares two of their densities.
"""

import numpy as np
from sklearn.linear_model import LogisticRegression

from tfgen import data, pictures
from tfgen.analysis.supervised import GenerativeClassifier
from tfgen.models import CVAE, GaussianMixture
from tools.studies._arrays import arrays

REGULARIZATIONS = (1e-3, 1e-2, 3e-2, 1e-1)
SAMPLES = 50


def digits(split, data_dir):
    images, labels = arrays("mnist", split, data_dir)
    return np.float32(images) / 255, labels


def gaussians(images, labels, regularization, seed):
    """One Gaussian for each class: a mixture of one component, whose first iteration is its last."""
    models = {}
    for label in range(10):
        models[label] = GaussianMixture((28, 28, 1), 1, regularization=regularization, seed=seed)
        models[label].compile()
        models[label].fit(images[labels == label], batch_size=500, epochs=1, verbose=0)
    return models


def chosen_gaussians(images, labels, seed):
    part = len(images) * 9 // 10
    accuracy = {}
    for value in REGULARIZATIONS:
        held_out = GenerativeClassifier(gaussians(images[:part], labels[:part], value, seed), batch_size=1000)
        accuracy[value] = held_out.score(images[part:], labels[part:])
        print(f"Gaussians, regularization {value}: {accuracy[value]:.4f} held out", flush=True)
    best = max(accuracy, key=accuracy.get)
    return gaussians(images, labels, best, seed), best


def conditional_vae(images, labels, epochs, seed):
    model = CVAE(latent_dim=20, ema_decay=0.999, seed=seed)
    model.compile()
    stream = data.load(
        (np.rint(255 * images).astype("uint8"), labels), for_model=model, batch_size=128, seed=seed,
        binarize="dynamic",
    )  # fmt: skip
    model.fit(stream, epochs=epochs, verbose=2)
    return model


def accuracies(joint, labels):
    """Of the two classes 0 and 1 among themselves, and of all ten, by log p(x, y), (n, 10)."""
    two = labels < 2
    return np.mean(joint[two, :2].argmax(1) == labels[two]), np.mean(joint.argmax(1) == labels)


def run(folder, data_dir, seed, train="train", test=10_000, few=1000, epochs=30):
    images, labels = digits(train, data_dir)
    test_images, test_labels = digits(f"test[:{test}]", data_dir)
    rows = []

    def row(classifier, binary, ten, labels):
        found = {"classifier": classifier, "0 against 1": round(binary, 4), "ten digits": round(ten, 4)}
        found |= {"test images": len(labels), "of them 0 or 1": int(np.sum(labels < 2))}
        rows.append(found)
        print(found, flush=True)

    flat, flat_test = images.reshape(len(images), -1), test_images.reshape(len(test_images), -1)
    two, two_test = labels < 2, test_labels < 2
    binary = LogisticRegression(max_iter=100).fit(flat[two], labels[two])
    ten = LogisticRegression(max_iter=100).fit(flat, labels)
    row(
        "logistic regression",
        binary.score(flat_test[two_test], test_labels[two_test]),
        ten.score(flat_test, test_labels),
        test_labels,
    )

    models, best = chosen_gaussians(images, labels, seed)
    joint = GenerativeClassifier(models, batch_size=1000).predict_joint_log_proba(test_images)
    row("one Gaussian for each class", *accuracies(joint, test_labels), test_labels)

    vae = conditional_vae(images, labels, epochs, seed)
    # It is a model of binary images.
    noise = np.random.default_rng(seed).uniform(size=test_images[:few].shape)
    joint = GenerativeClassifier(vae, samples=SAMPLES, seed=seed).predict_joint_log_proba(
        np.float32(noise < test_images[:few])
    )
    row("conditional VAE", *accuracies(joint, test_labels[:few]), test_labels[:few])

    by_class = vae.sample(100, seed=seed, labels=np.tile(np.arange(10), 10))
    pictures.grid(by_class, vae.value_range, columns=10).save(folder / "cvae_by_class.png")
    protocol = (
        f"MNIST, {len(images)} training images; accuracy on the first test images, as many as the table "
        f"says; classes alike a priori. Logistic regression: scikit-learn's, L-BFGS of at most 100 "
        f"iterations. Gaussians: full covariance plus {best:g} on the diagonal, the best of "
        f"{list(REGULARIZATIONS)} on the last tenth of the training images, then fitted on all. "
        f"Conditional VAE: 200-200, 20 latents, {epochs} epochs on dynamically binarised images; its bound "
        f"by {SAMPLES} importance samples, the same noise for all classes, on binarised test images. "
        f"Picture: its samples, a column for each digit."
    )
    return {"protocol": protocol, "rows": rows}
