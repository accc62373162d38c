"""A callback that watches an adversarial training, says what goes wrong, and what is known to help.

Goodfellow et al. Generative Adversarial Nets. 2014. https://arxiv.org/abs/1406.2661
Arora and Zhang. Do GANs actually learn the distribution? 2018. https://arxiv.org/abs/1706.08224
The remedies are those of the papers that the findings name.

The birthday paradox: of s samples of a generator that makes N images, all alike, about
s**2 / (2 N) pairs are equal. So near duplicates among a few samples mean a small N.
"""

import collections
import math

import keras
import numpy as np
import tensorflow as tf
from keras import tree

from tfgen import random
from tfgen.doctor.inspection import first, kept, listening, networks
from tfgen.metrics.frechet import Moments, frechet_distance
from tfgen.models.base import LABELS
from tfgen.models.door import batch_of
from tfgen.models.monitoring import not_finite
from tfgen.models.step import Step

SAMPLES = 256  # half of them have a near duplicate if the generator makes about 370 images, by the paradox
GRADIENT_ROWS = 64  # a batch as papers train with: enough to tell a norm's order of magnitude
PATIENCE = 2  # epochs in a row: games swing, and what one epoch shows the next may mend
SURE = 0.99  # accuracy on real and on fake: a game that goes on has errors on both sides
DOUBT = 0.02  # mean probability of the wrong side: what is left to learn from is 2 % of each image
SWAPPED = 0.1  # P(score of a real > of a fake): chance, and a perfect generator, give 1/2
VANISHED = 1e-6  # a gradient's norm: below it float32 sums lose it next to weights of about 1
GROWTH = 10.0  # of the kernels' root mean square in an epoch: a network learns by changing them by parts
SHARE = 0.5  # of samples with a near duplicate, of which real images have less than half as many
NEAR = 0.5  # of the real images' median distance to their neighbour: few of them are so near
BLIND = 0.05  # of the contrast, where no real image says: theirs differ by about half of it
EDGE = 1e-3  # of the range: a tanh so near to its end passes back less than 1 % of the gradient
SATURATED = 0.95  # of the values at an end of the range, where real images have less
MISSED = 1e-3  # chance of a healthy generator to miss a class in all samples: rarer is no accident
DRIFT = 2.0  # times the best Frechet score: its error with so few samples is some 10 %

REMEDIES = {
    "discriminator wins": "try one-sided label smoothing (Salimans 2016), noise at its inputs (Arjovsky and "
    "Bottou 2017), spectral normalization (Miyato 2018) or WGAN-GP (Gulrajani 2017)",
    "labels swapped": "look for real and fake exchanged, or a wrong sign, in a loss (Goodfellow 2014, eq. 1)",
    "vanished gradient": "try the non-saturating loss (Goodfellow 2014) or WGAN-GP (Gulrajani 2017)",
    "learning rate too high": "lower the rate, as 2e-4 with beta_1 0.5 (Radford 2016), "
    "or use spectral normalization (Miyato 2018)",
    "saturated outputs": "lower the rate, or normalise the generator's layers (Radford 2016)",
    "mode collapse": "try minibatch discrimination (Salimans 2016), packing (Lin 2018) "
    "or WGAN-GP (Gulrajani 2017)",
    "missing classes": "try minibatch discrimination (Salimans 2016), packing (Lin 2018) "
    "or give the labels (Mirza and Osindero 2014)",
    "Frechet score drifts": "keep an earlier epoch, average the generator (ema_decay; Yazici 2019), "
    "or give the players rates of their own (Heusel 2017)",
    "not a number": "lower the rate, clip gradients (an optimizer with global_clipnorm=1.0), or use float32",
}


class Finding(collections.namedtuple("Finding", "epoch name evidence")):
    """What is wrong: since which epoch, from 1 on, None once trained; a key of REMEDIES; what shows it."""

    def __str__(self):
        at = "" if self.epoch is None else f", epoch {self.epoch}"
        return f"doctor{at}: {self.name}: {self.evidence}; {REMEDIES[self.name]}"


class TrainingDoctor(keras.callbacks.Callback):
    """Looks at an `AdversarialModel` at the end of each epoch, prints what is wrong, a line each.

    `findings` has them all; one that lasts is said once. The numbers join the epoch's logs as
    doctor_*, for the callbacks that come after this one: shares in 0..1, `gap` in units of the
    score, `*_gradient` norms of the objectives' gradients, `frechet` in squared units of the
    features. They are functions of the model alone, and neither its weights nor its noise are touched.

    Args:
        data: training data as `fit` takes it, of which the first `SAMPLES` examples are looked at
            in every epoch; None leaves what fakes alone can tell.
        extractor: a `tfgen.metrics.Extractor`, for the Frechet score, and missing classes if it knows any.
    """

    async_safe = True  # it may look at a step's losses while the next step runs

    def __init__(self, data=None, extractor=None):
        super().__init__()
        self.data, self.extractor = data, extractor
        self.findings = []
        self._lasting = collections.Counter()  # epochs in a row, by name
        self._epoch, self._steps, self._broken = 0, 0, False
        self._largest, self._best, self._gap = None, None, -math.inf

    def on_train_begin(self, logs=None):
        model, self._n, self._real, self._probe = self.model, SAMPLES, None, None
        if self.data is not None:
            self._probe = batch_of(model, first(self.data, SAMPLES))
            self._n = len(self._probe["images"])  # distances to neighbours compare at equal numbers
            self._real = self._of_images(self._probe["images"].numpy())
        self._rms = self._kernels()

    def on_epoch_begin(self, epoch, logs=None):
        self._epoch, self._steps, self._broken = epoch + 1, int(self.model.step.numpy()), False
        weights = self.broken_weights()
        if weights:
            self._broken = True
            self._say("not a number", f"before the epoch's first step in {weights}")

    def on_train_batch_end(self, batch, logs=None):
        bad = not_finite(self.model, logs)
        if bad and not self._broken:
            self._broken = True
            before = "" if self._largest is None else f", the last look's largest output was {self._largest}"
            self._say(
                "not a number",
                f"first {bad[0]} at step {self._steps + batch + 1}, by its end in "
                f"{self.broken_weights() or 'no weight'}{before}",
            )

    def on_epoch_end(self, epoch, logs=None):
        numbers, outputs = self.look()
        bad = self.broken_weights() or next((at for at, top in outputs if not math.isfinite(top)), None)
        if bad and not self._broken:
            self._say("not a number", f"after the epoch's last step in {bad}")
        self._broken = bool(bad)
        finite = [one for one in outputs if math.isfinite(one[1])]
        if finite:
            self._largest = "{1:.3g}, of {0}".format(*max(finite, key=lambda one: one[1]))
        found = {} if bad else self.judge(numbers)
        for name in REMEDIES:
            if name == "not a number":
                continue
            self._lasting[name] = self._lasting[name] + 1 if name in found else 0
            if self._lasting[name] == 1 and name == "learning rate too high":  # it will not shrink by itself
                self._say(name, found[name])
            elif self._lasting[name] == PATIENCE:
                self._say(name, f"{found[name]} for {PATIENCE} epochs")
        if logs is not None:
            logs.update({f"doctor_{name}": float(value) for name, value in numbers.items()})

    def _say(self, name, evidence):
        self.findings.append(Finding(self._epoch, name, evidence))
        print(f"\n{self.findings[-1]}", flush=True)

    # What is measured.

    def look(self):
        """({number: value}, [(layer, its largest output)]), by the networks as they train."""
        model, probe, outputs = self.model, self._probe, []
        strategy = model.distribute_strategy or tf.distribute.get_strategy()

        def shown():
            key, labels = random.key(0), None
            if "labels" in model.conditions:
                labels = model.conditions["labels"].draw(random.fold_in(key, LABELS), self._n, 0)
            fakes = model.run("generator", model.draw_codes(key, self._n), labels, True)
            given = None if probe is None else (probe["images"], probe.get("labels"))
            real = () if given is None else (model.score(*given, True),)
            return fakes, (model.score(fakes, labels, True), *real)

        def norms():
            # The devices share the batch, and then have the gradient of all of it.
            context = tf.distribute.get_replica_context()
            rows = min(GRADIENT_ROWS, self._n) // context.num_replicas_in_sync
            start = context.replica_id_in_sync_group * rows
            batch = tree.map_structure(lambda x: x[start : start + rows], probe)
            return {
                f"{name}_gradient": self._norm(name, one, Step(model, batch, True))
                for name, one in model.objectives().items()
            }

        def local(results):
            return tree.map_structure(
                lambda x: np.asarray(strategy.experimental_local_results(x)[0], np.float64), results
            )

        with kept(model):
            with listening(model, outputs):
                fakes, scores = local(strategy.run(shown))
            gradients = {} if probe is None else local(strategy.run(norms))
        return {**self._of_scores(*scores), **gradients, **self._of_fakes(fakes)}, outputs

    def _norm(self, name, objective, step):
        scale = self.model.optimizers[name].scale_loss  # half precision loses small gradients
        with step.recording(name, objective.variables) as tape:
            loss = scale(objective.loss(step)[0])
        gradients = [g for g in tape.gradient(loss, objective.variables) if g is not None]
        gradients = tf.distribute.get_replica_context().all_reduce("MEAN", gradients)
        return tf.linalg.global_norm(gradients) / scale(tf.constant(1.0))

    def _of_scores(self, fake, real=None):
        decides = self.model.games()[0].zero_decides
        numbers = {"accuracy_fake": (fake < 0).mean()} if decides else {}
        self._doubt = [_sigmoid(fake).mean()]
        if real is not None:
            if decides:
                numbers["accuracy_real"] = (real > 0).mean()
            numbers["gap"] = real.mean() - fake.mean()
            numbers["real_above_fake"] = (real.ravel() > fake.ravel()[:, None]).mean()
            self._doubt.append(_sigmoid(-real).mean())
        return numbers

    def _of_images(self, images):
        """(each image's distance to its neighbour in units of the contrast, share of values at an end,
        features, share of each class). The unit lets a young generator's pale images be different."""
        rows = images.reshape(len(images), -1).astype(np.float64)
        contrast = rows.std() * math.sqrt(rows.shape[1])
        rows -= rows.mean(0)
        square = (rows**2).sum(1)
        distance = square[:, None] + square - 2 * rows @ rows.T
        np.fill_diagonal(distance, np.inf)
        low, high = self.model.value_range
        edge = EDGE * (high - low)
        ends = ((images <= low + edge) | (images >= high - edge)).mean()
        features = classes = None
        if self.extractor is not None and np.isfinite(images).all():
            features = Moments((found := self.extractor(images, (low, high))).shape[1]).update(found)
            if self.extractor.logits is not None:
                classes = self.extractor.probabilities(images, (low, high))
                classes = np.bincount(classes.argmax(1), minlength=classes.shape[1]) / len(images)
        near = np.sqrt(np.maximum(distance.min(1), 0)) / (contrast + 1e-9)
        return near, ends, features, classes

    def _of_fakes(self, fakes):
        near, ends, features, classes = self._of_images(fakes)
        radius = NEAR * np.median(self._real[0]) if self._real else BLIND
        self._usual = (self._real[0] < radius).mean() if self._real else 0.0
        numbers = {"duplicates": (near < radius).mean(), "saturated": ends}
        if classes is not None:
            wanted = self._real[3] if self._real else np.full(len(classes), 1 / len(classes))
            self._missing = np.flatnonzero((classes == 0) & ((1 - wanted) ** self._n < MISSED))
            numbers["missing_classes"] = len(self._missing) / len(classes)
        if features is not None and self._real:
            numbers["frechet"] = frechet_distance(self._real[2], features)
        return numbers

    def _kernels(self):
        """{network: root mean square of its kernels}."""
        kernels = {
            name: [v.numpy().ravel().astype(np.float64) for v in network.trainable_variables if v.ndim > 1]
            for name, network in networks(self.model).items()
        }
        return {name: float(np.sqrt(np.mean(np.concatenate(k) ** 2))) for name, k in kernels.items() if k}

    def broken_weights(self):
        weights = [(name, v) for name, net in networks(self.model).items() for v in net.weights]
        bad = [f"{name}'s {v.path}" for name, v in weights if not np.isfinite(v.numpy()).all()]
        return bad and f"{bad[0]}" + (f" and {len(bad) - 1} more of {len(weights)} weights" * (len(bad) > 1))

    # What it means.

    def judge(self, at):
        """{name: evidence} of what is wrong in this epoch's numbers."""
        found = {}
        both = at.get("accuracy_real", 0), at.get("accuracy_fake", 0)
        if min(both) >= SURE and max(self._doubt) < DOUBT:
            found["discriminator wins"] = (
                f"accuracy {both[0]:.2f} on real and {both[1]:.2f} on fake, doubt {max(self._doubt):.1g}, "
                f"generator gradient norm {at['generator_gradient']:.2g}"
            )
        if at.get("generator_gradient", 1) < VANISHED:
            found["vanished gradient"] = f"generator gradient norm {at['generator_gradient']:.2g}"
        before, self._rms = self._rms, self._kernels()
        grown = {name: self._rms[name] / rms for name, rms in before.items() if rms}
        name = max(grown, key=grown.get, default=None)
        if name and grown[name] > GROWTH:
            found["learning rate too high"] = (
                f"kernels of {name} have grown {grown[name]:.0f} times in an epoch, to a root mean square of "
                f"{self._rms[name]:.2g}"
            )
        real_ends, real_share = (self._real[1], self._usual) if self._real else (0.0, 0.0)
        real = ", of real images {:.0%}," if self._real else ""
        if at["saturated"] > max(SATURATED, (1 + real_ends) / 2):
            found["saturated outputs"] = (
                f"{at['saturated']:.0%} of the fakes' values are at their ends{real.format(real_ends)}"
            )
        share = at["duplicates"]
        if share > SHARE and real_share < share / 2:
            # A sample has no duplicate with a chance of exp(-s / N).
            made = self._n / -math.log(max(1 - share, 1 / self._n))
            found["mode collapse"] = (
                f"{share:.0%} of {self._n} samples{real.format(real_share)} have a near duplicate, as if the "
                f"generator made {made:.0f} images or fewer,"
            )
        if at.get("missing_classes"):
            found["missing classes"] = f"{', '.join(map(str, self._missing))} in none of {self._n} samples"
        return found | self.trend(at)

    def trend(self, at):
        """That part of `judge` which compares an epoch's numbers with those of epochs before."""
        found = {}
        gap, self._gap = self._gap, at.get("gap", -math.inf)
        if at.get("real_above_fake", 1) < SWAPPED and at["gap"] < gap:  # one that has not learnt yet rises
            share = 1 - at["real_above_fake"]
            found["labels swapped"] = (
                f"fakes score above real images in {share:.0%} of pairs, gap {at['gap']:.2g}"
            )
        if "frechet" in at:
            self._best = min(at["frechet"], at["frechet"] if self._best is None else self._best)
            if at["frechet"] > DRIFT * self._best:
                found["Frechet score drifts"] = f"{at['frechet']:.3g}, after a best of {self._best:.3g},"
        return found


def _sigmoid(x):
    return 0.5 * (1 + np.tanh(x / 2))
