"""Plants faults and asks the tests: python tools/mutations.py [--list] [NAME ...]

Each fault is planted alone, in a copy of the tree, and the tests that should see it run there. A fault
that no test sees survives: a test is missing, or the fault is none.
"""

import argparse
import os
import shutil
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parents[1]
COPIED = ("tfgen", "tests", "export", "setup.py", ".pytest.ini", "README.md")


class Fault(NamedTuple):
    """`old`, which stands once in `file`, becomes `new`; `tests` are arguments of pytest."""

    file: str
    old: str
    new: str
    tests: tuple


def conformance(model, test):
    return ("tests/conformance/test_conformance.py", "-k", f"[{model}] and ({test})")


def training(model, test):
    return ("tests/mechanisms/test_training.py", "-k", f"[{model} and ({test})")


BASE, PLAN, STEP = "tfgen/models/base.py", "tfgen/models/plan.py", "tfgen/models/step.py"
TRAINING, SAMPLING = "tfgen/models/training.py", "tfgen/models/sampling.py"
GAN, VAE = "tfgen/models/adversarial/base.py", "tfgen/models/variational/vae.py"
ENCODERS = "tfgen/models/variational/base.py"
NOISE = 'eps = step.normal("z", samples, self.latent_dim)'
ELBO = "        return distortion + self.beta * rate,"

FAULTS = {
    # What is saved, and what a step depends on.
    "a state is not saved": Fault(
        "tfgen/models/adversarial/began.py",
        'self.k = self.add_weight((), "zeros", name="k", **kept)',
        'self.k = tf.Variable(0.0, trainable=False, name="k")',
        conformance("BEGAN", "saved"),
    ),
    "optimizers are not saved": Fault(
        BASE,
        "        if not self.compiled:\n            return {}\n        return keras.saving",
        "        return {}\n        return keras.saving",
        conformance("VAE", "loads_as_it_was"),
    ),
    "an argument is not kept as it was given": Fault(
        VAE,
        "self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width",
        "self.image_shape, self.latent_dim, self.width = image_shape, latent_dim, width + 1",
        conformance("VAE", "loads_as_it_was"),
    ),
    "a layer has no configuration": Fault(
        "tfgen/layers/statistics.py",
        "own = dict(momentum=self.momentum, epsilon=self.epsilon, affine=self.affine)",
        "own = {}",
        ("tests/mechanisms/test_layers.py", "-k", "configuration"),
    ),
    "a chain's noise is as small as in the loss": Fault(
        "tfgen/optimizers.py",
        "scale = tf.sqrt(2 * self.friction * self.temperature * rate)",
        "scale = rate * tf.sqrt(2 * self.friction * self.temperature * rate)",
        ("tests/mechanisms/test_optimizers.py",),
    ),
    "a further generator is further data for the discriminator": Fault(
        "tfgen/models/adversarial/bayesiangan.py",
        "loss = _mean(each) + self.model.prior_loss(self.network)",
        "loss = tf.add_n(each) + self.model.prior_loss(self.network)",
        ("tests/models/test_bayesiangan.py",),
    ),
    "a composite's square is of one light for all": Fault(
        "tfgen/models/translation/blendinggan.py",
        "random.uniform(key, (n, 1 + channels), first_row), (n, 1, 1, 1 + channels)",
        "random.uniform(key, (n, 1 + channels)), (n, 1, 1, 1 + channels)",
        ("tests/models/test_blendinggan.py",),
    ),
    "the blur of the colours is left out once": Fault(
        "tfgen/analysis/blending.py",
        "(left + weight * blur**2)",
        "(left + weight * blur)",
        ("tests/analysis/test_blending.py",),
    ),
    "an edit leaves the image behind": Fault(
        "tfgen/analysis/editing.py",
        "return loss + smoothness * tf.reduce_sum((z - z0) ** 2, axis=1)",
        "return loss + smoothness * tf.reduce_sum(z**2, axis=1)",
        ("tests/analysis/test_editing.py",),
    ),
    "the discriminator is not told the attributes": Fault(
        "tfgen/models/translation/alcgan.py",
        "x = chained(_told(last(x), [given]),",
        "x = chained(_told(last(x), [0 * given]),",
        ("tests/models/test_alcgan.py", "-k", "asked"),
    ),
    "what is pasted into a box goes on beside it": Fault(
        "tfgen/layers/places.py",
        "return _bilinear(shares * count - 0.5, count) * inside[..., None]",
        "return _bilinear(shares * count - 0.5, count) + 0 * inside[..., None]",
        ("tests/mechanisms/test_layers_places.py", "-k", "pasted"),
    ),
    "points that are given are made anew": Fault(
        "tfgen/models/texttoimage/gawwn.py",
        "return given * points + (1 - given) * made",
        "return made",
        ("tests/models/test_gawwn.py", "-k", "given"),
    ),
    "a server's text keeps its capitals": Fault(
        "export/serving/inputs.py",
        "rows += text.lower().encode()",
        "rows += text.encode()",
        ("tests/export/test_export_texts.py", "-k", "request"),
    ),
    "a measured label is of another image": Fault(
        "tfgen/data/measures.py",
        "tf.gather(self.labels, batch[0] % self.count)",
        "tf.gather(self.labels, tf.range(tf.size(batch[0])))",
        ("tests/data/test_data_measures.py",),
    ),
    "a photograph moves against its image": Fault(
        "tfgen/analysis/motion.py",
        "places = np.moveaxis(flow, -1, 1) + np.indices(flow.shape[1:3])",
        "places = np.indices(flow.shape[1:3]) - np.moveaxis(flow, -1, 1)",
        ("tests/analysis/test_motion.py",),
    ),
    "an edit's colours stay behind": Fault(
        "tfgen/analysis/motion.py",
        "return _coloured(sampled(photos, flow, order=3), colour)",
        "return sampled(photos, flow, order=3)",
        ("tests/analysis/test_motion.py",),
    ),
    "noise of TensorFlow's own": Fault(
        ENCODERS,
        NOISE,
        "eps = tf.random.normal((step.rows, samples, self.latent_dim))",
        conformance("VAE", "impure"),
    ),
    "noise of NumPy, frozen in the graph": Fault(
        ENCODERS,
        NOISE,
        "import numpy as np\n        "
        'eps = np.random.normal(size=(8, samples, self.latent_dim)).astype("float32")',
        conformance("VAE", "function_of_what_is_saved"),
    ),
    "noise that does not depend on the step": Fault(
        STEP,
        "zlib.crc32(name.encode()), clock.value)",
        "zlib.crc32(name.encode()), 0 * clock.value)",
        conformance("VAE", "function_of_what_is_saved"),
    ),
    "all draws have one name": Fault(
        STEP, "zlib.crc32(name.encode())", "zlib.crc32(b'')", ("tests/mechanisms/test_step.py", "-k", "noise")
    ),
    "Python is called in a step": Fault(
        VAE,
        ELBO,
        "        distortion = tf.ensure_shape(tf.numpy_function(lambda x: x, [distortion], tf.float32), ())\n"
        + ELBO,
        conformance("VAE", "impure"),
    ),
    "state of which each device keeps its own": Fault(
        "tfgen/models/adversarial/began.py",
        ', aggregation="only_first_replica")',
        ")",
        conformance("BEGAN", "shared_by_devices"),
    ),
    # Objectives.
    "an objective trains another network": Fault(
        GAN,
        "self.generator_objective, (self.generator,)",
        "self.generator_objective, (self.discriminator,)",
        conformance("GAN", "moves_its_networks"),
    ),
    "a network is left out": Fault(
        VAE,
        "(self.encoder, self.decoder), (",
        "(self.decoder,), (",
        conformance("VAE", "moves_its_networks"),
    ),
    "a loss moves a network by hand": Fault(
        VAE,
        ELBO,
        "        self.decoder.weights[0].assign_add(0.1 + 0 * self.decoder.weights[0])\n" + ELBO,
        conformance("VAE", "moves_its_networks"),
    ),
    "a loss is climbed": Fault(
        TRAINING,
        "optimizer.scale_loss(loss * step.share)",
        "optimizer.scale_loss(-loss * step.share)",
        training("One", "lowers"),
    ),
    "devices each count as the whole batch": Fault(
        STEP,
        "return 1.0 if self._sizes is None else tf.cast(",
        "return 1.0 if True else tf.cast(",
        ("tests/mechanisms/test_devices.py", "-k", "uneven_devices_give"),
    ),
    "devices draw the same noise": Fault(
        STEP,
        "        return tf.reduce_sum(sizes[:place])",
        "        return tf.reduce_sum(sizes[:0])",
        ("tests/mechanisms/test_devices.py", "-k", "noise_of_the_whole_batch"),
    ),
    "a turn is counted from the wrong step": Fault(
        PLAN,
        "conditions.append(model.step % objective.every == 0)",
        "conditions.append(model.step % objective.every == 1)",
        training("Trunk", "is_due or averages_follow"),
    ),
    "a turn under a strategy is another": Fault(
        PLAN,
        "return k % self.every == 0 and",
        "return (k + 1) % self.every == 0 and",
        training("Two", "two_devices"),
    ),
    "stages are not asked": Fault(
        PLAN,
        "(self.stage is None or self.stage(k))",
        "True",
        ("tests/mechanisms/test_due.py", "-k", "stages_have"),
    ),
    "shared variables are updated twice": Fault(
        PLAN,
        "return list(found.values())",
        "return [v for network in self.networks for v in network.trainable_variables]",
        ("tests/mechanisms/test_step.py", "-k", "once"),
    ),
    # Averages.
    "averages move twice a step": Fault(
        PLAN,
        "in zip(copy.weights, network.weights):",
        "in [*zip(copy.weights, network.weights)] * 2:",
        conformance("VAE", "averages_follow"),
    ),
    "averages warm up another way": Fault(
        PLAN, "(1 + t) / (10 + t)", "(2 + t) / (10 + t)", conformance("VAE", "averages_follow")
    ),
    "batch statistics are averaged once more": Fault(
        PLAN,
        "mean.assign(decay * mean + (1 - decay) * value if value.trainable else value)",
        "mean.assign(decay * mean + (1 - decay) * value)",
        training("One", "averages_follow"),
    ),
    "averages follow in every step": Fault(
        PLAN, "            _if(follows,", "            _if(True,", training("Two", "averages_follow")
    ),
    "samples are not of the averages": Fault(
        BASE,
        "return getattr(self, name) if training else self.averaged(name)",
        "return getattr(self, name)",
        conformance("VAE", "samples_are_of_the_averages"),
    ),
    # Precision, XLA.
    "an operation without a kernel of XLA": Fault(
        VAE,
        ELBO,
        "        distortion += 0.0 * tf.cast(tf.strings.length(tf.strings.as_string(rate)), tf.float32)\n"
        + ELBO,
        conformance("VAE", "xla"),
    ),
    "networks ignore the precision": Fault(
        BASE,
        "keras.config.set_dtype_policy(self.dtype_policy)",
        "keras.config.set_dtype_policy('float32')",
        conformance("VAE", "half_precision"),
    ),
    "a loss of half precision": Fault(
        VAE,
        ELBO,
        "        distortion = tf.cast(distortion, self.compute_dtype)\n"
        "        rate = tf.cast(rate, self.compute_dtype)\n" + ELBO,
        conformance("VAE", "half_precision"),
    ),
    "a graph outlives its model": Fault(
        TRAINING,
        "with gradients_of(self), contextlib.closing(step):",
        "with contextlib.closing(step):",
        training("Two", "gone"),
    ),
    "float16 without scaling": Fault(
        TRAINING,
        'self.compute_dtype == "float16"',
        'self.compute_dtype == "float61"',
        training("Two", "float16"),
    ),
    # Seeds, samples, exports.
    "the seed does not decide the weights": Fault(
        BASE,
        "random.initial_weights(self.seed)",
        "random.initial_weights(None)",
        conformance("VAE", "half_precision"),
    ),
    "every seed is one": Fault(
        BASE, "random.initial_weights(self.seed)", "random.initial_weights(1)", training("One", "one_seed")
    ),
    "samples ignore their row": Fault(
        GAN,
        "self.generate(self.draw_codes(key, n, first_row, **options), labels)",
        "self.generate(self.draw_codes(key, n, 0, **options), labels)",
        conformance("GAN", "list_of_samples"),
    ),
    "unseeded samples repeat": Fault(
        SAMPLING,
        "        self.asked.assign_add(1)\n        return random.key(",
        "        return random.key(",
        training("One", "resumes"),
    ),
    "an exported sampler has other noise": Fault(
        SAMPLING,
        "return self.draw(random.key(seed), n, 0, **values)",
        "return self.draw(random.key(seed, 1), n, 0, **values)",
        conformance("GAN", "exported_sampler"),
    ),
    "an export loads without its averages": Fault(
        "tfgen/export/__init__.py",
        "getattr(model, name).set_weights(average.get_weights())",
        "average.set_weights(getattr(model, name).get_weights())",
        conformance("GAN", "export_loads"),
    ),
    # What a model says of itself.
    "a recipe has an argument that is none": Fault(
        VAE, 'body="dense", width=200', 'body="dense", widht=200', conformance("VAE", "recipe")
    ),
    "a file names no paper": Fault(
        "tfgen/models/variational/iwae.py",
        "https://arxiv.org/abs/1509.00519",
        "",
        conformance("IWAE", "paper"),
    ),
    # The pioneers' own.
    "the encoder does not play": Fault(
        "tfgen/models/adversarial/inference.py",
        'return self.encoder(step.batch["images"], training=step.training)',
        'return tf.stop_gradient(self.encoder(step.batch["images"], training=step.training))',
        ("tests/models/test_bigan.py",),
    ),
    "pairs are of images alone": Fault(
        "tfgen/models/adversarial/bigan.py",
        "+ _dense(self.width, use_bias=False)(z)",
        "+ 0.0 * _dense(self.width, use_bias=False)(z)",
        ("tests/models/test_bigan.py",),
    ),
    "the deviation of a code does not learn": Fault(
        "tfgen/models/adversarial/ali.py",
        'q["deviation"] * step.normal("code", self.latent_dim)',
        'tf.stop_gradient(q["deviation"]) * step.normal("code", self.latent_dim)',
        ("tests/models/test_ali.py",),
    ),
    "an inverse asks for what is not seen": Fault(
        "tfgen/models/adversarial/inversion.py",
        'error = codes - z if by == "latent" else decode(codes) - images',
        "error = codes - z",
        ("tests/models/test_aegan.py",),
    ),
    "attributes that are right count as wrong": Fault(
        "tfgen/models/adversarial/icgan.py",
        "tf.reduce_sum(wrong * mistaken), tf.reduce_sum(wrong))",
        "tf.reduce_sum(mistaken), tf.reduce_sum(tf.ones_like(wrong)))",
        ("tests/models/test_icgan.py",),
    ),
    "a flow has another volume": Fault(
        "tfgen/models/adversarial/ian.py",
        "- log_deviation + log_scale)",
        "- log_deviation)",
        ("tests/models/test_ian.py",),
    ),
    "kernels of the generator need not be orthogonal": Fault(
        "tfgen/models/adversarial/ian.py",
        'likelihood_loss(logits, REAL) + self._orthogonal("generator")',
        "likelihood_loss(logits, REAL)",
        ("tests/models/test_ian.py",),
    ),
    "a channel sees the channels before it alone": Fault(
        "tfgen/models/adversarial/ian.py",
        "y += MultiscaleDilation(",
        "y = 0.0 * y + MultiscaleDilation(",
        ("tests/models/test_ian.py",),
    ),
    "a translator has half of the cycles": Fault(
        "tfgen/models/translation/cyclegan.py",
        "again_a, again_b = self.again(step)",
        "again_a, again_b = self.again(step)[0], tf.stop_gradient(self.again(step)[1])",
        ("tests/models/test_cyclegan.py",),
    ),
    "a pool keeps nothing": Fault(
        "tfgen/models/translation/pool.py",
        "        self.images.assign(pool)\n",
        "",
        ("tests/models/test_cyclegan.py",),
    ),
    "a pool's old images stay": Fault(
        "tfgen/models/translation/pool.py",
        "kept = tf.where(swaps | ~full, images[k], pool[place])",
        "kept = tf.where(~full, images[k], pool[place])",
        ("tests/models/test_cyclegan.py",),
    ),
    "dropout of one key": Fault(
        "tfgen/models/translation/base.py",
        "random.row_keys(key, tf.shape(images)[0], first_row)",
        "random.row_keys(random.key(0), tf.shape(images)[0], first_row)",
        ("tests/models/test_pix2pix.py",),
    ),
    "the discriminator's loss is not halved": Fault(
        "tfgen/models/translation/pix2pix.py",
        "return 0.5 * self.adversarial_loss.discriminator(real, fake), {}",
        "return self.adversarial_loss.discriminator(real, fake), {}",
        ("tests/models/test_pix2pix.py",),
    ),
    "pixels are shuffled in another order": Fault(
        "tfgen/layers/places.py",
        "return tf.nn.depth_to_space(x, self.factor)",
        "return tf.nn.depth_to_space(tf.reverse(x, [-1]), self.factor)",
        ("tests/models/test_srresnet.py",),
    ),
    "a low-resolution image is not in bytes": Fault(
        "tfgen/models/superresolution/base.py",
        "return rounded(bicubic(images, height, width), *self.value_range)",
        "return bicubic(images, height, width)",
        ("tests/models/test_srresnet.py",),
    ),
    "a residual network without its long skip": Fault(
        "tfgen/networks/upscaling.py",
        "x = layers.Add()([first, chained(",
        "x = layers.Add()([x, chained(",
        ("tests/models/test_srresnet.py",),
    ),
    "images are made small without antialiasing": Fault(
        "tfgen/degradation.py",
        "(np.arange(size) + 0.5 - centre) / max(size / to, 1)",
        "(np.arange(size) + 0.5 - centre)",
        ("tests/mechanisms/test_degradation.py",),
    ),
    "a tile does not see its rim": Fault(
        "tfgen/models/translating.py",
        "slice(max(start - rim, 0), ",
        "slice(start, ",
        ("tests/mechanisms/test_translating.py",),
    ),
    "the structural similarity of another window": Fault(
        "tfgen/metrics/pairs.py",
        "TAPS, SIGMA = 11, 1.5",
        "TAPS, SIGMA = 11, 1.6",
        ("tests/metrics/test_pairs.py", "-k", "scikit"),
    ),
    "a benchmark's score with the border": Fault(
        "tfgen/metrics/pairs.py",
        "return *(y[:, SHAVED:-SHAVED, SHAVED:-SHAVED] for y in pair), (0, 255)",
        "return *pair, (0, 255)",
        ("tests/metrics/test_pairs.py", "-k", "luminance"),
    ),
    "colours change the lightness": Fault(
        "tfgen/models/translation/pix2pix.py",
        "return colours.joined(x, y) if self.colour else y",
        "return colours.joined(0.9 * x, y) if self.colour else y",
        ("tests/models/test_pix2pix.py",),
    ),
    "grey is the mean of the colours": Fault(
        "tfgen/colour.py",
        "return joined(lightness, 0 * opponents)[..., 1:2]",
        "return tf.reduce_mean(images, axis=-1, keepdims=True)",
        ("tests/mechanisms/test_colour.py",),
    ),
    "a network of colours sees another scale of them": Fault(
        "tfgen/colour.py",
        "return lab[..., :1] / 50 - 1, lab[..., 1:] / 110",
        "return lab[..., :1] / 50 - 1, lab[..., 1:] / 100",
        ("tests/mechanisms/test_colour.py", "tests/models/test_pix2pix.py"),
    ),
    "saliency is compared pixel by pixel": Fault(
        "tfgen/models/translation/salgan.py", "POOL = 4", "POOL = 1", ("tests/models/test_salgan.py",)
    ),
    "saliency: the discriminator does not decay": Fault(
        "tfgen/models/translation/salgan.py",
        "return loss + self.decay(self.discriminator), {}",
        "return loss, {}",
        ("tests/models/test_salgan.py",),
    ),
    "saliency: both have every batch": Fault(
        "tfgen/models/translation/salgan.py",
        "k > self.warm_up and (k - self.warm_up) % 2 == rest",
        "k > self.warm_up",
        ("tests/models/test_salgan.py",),
    ),
    "saliency: VGG16 sees red first": Fault(
        "tfgen/models/translation/salgan.py",
        "kernel = 127.5 * kernel[:, :, ::-1]",
        "kernel = 127.5 * kernel",
        ("tests/models/test_salgan.py",),
    ),
    "saliency: fixations count among the other pixels": Fault(
        "tfgen/metrics/saliency.py",
        "for which in (~fixed, fixed)",
        "for which in (~fixed | True, fixed)",
        ("tests/metrics/test_saliency.py",),
    ),
    "rain adds up beyond white": Fault(
        "tfgen/models/translation/idcgan.py",
        "return 1 - 2 * clear * (1 - tf.minimum(streaks, 1.0))[..., None]",
        "return images + 2 * tf.minimum(streaks, 1.0)[..., None]",
        ("tests/models/test_idcgan.py",),
    ),
    "captions: a wrong pair is a right pair": Fault(
        "tfgen/models/texttoimage/base.py",
        "wrong = judge([maps, tf.roll(texts, 1, axis=0), *others], training=training)",
        "wrong = judge([maps, tf.roll(texts, 0, axis=0)], training=training)",
        ("tests/models/test_gancls.py",),
    ),
    "captions: wrong pairs count as much as right ones": Fault(
        "tfgen/models/texttoimage/base.py",
        "fakes = 0.5 * (tf.reduce_mean(tf.nn.softplus(wrong)) + fakes)",
        "fakes = tf.reduce_mean(tf.nn.softplus(wrong)) + fakes",
        ("tests/models/test_gancls.py",),
    ),
    "StackGAN: stage II starts from other images than stage I makes": Fault(
        "tfgen/models/texttoimage/stackgan.py",
        "texts, random.fold_in(key, 1), first_row)",
        "texts, random.fold_in(key, 3), first_row)",
        ("tests/models/test_stackgan.py",),
    ),
    "StackGAN: the divergence lacks its half": Fault(
        "tfgen/losses.py",
        "0.5 * (tf.exp(2 * log_deviation) + mean**2 - 1) - log_deviation",
        "(tf.exp(2 * log_deviation) + mean**2 - 1) - log_deviation",
        ("tests/models/test_stackgan.py",),
    ),
    "captions: the padding counts": Fault(
        "tfgen/networks/captions.py",
        "count = ops.maximum(ops.sum(there, axis=1), 1.0)",
        "count = ops.ones_like(ops.sum(there, axis=1)) * length",
        ("tests/models/test_gancls.py",),
    ),
    "captions: a caption of another image": Fault(
        "tfgen/data/pipeline.py",
        "batch[name] = tf.gather(table, row[0] % member.source.count)",
        "batch[name] = table[: tf.shape(row[0])[0]]",
        ("tests/data/test_data_captions.py",),
    ),
    "rain falls straight down": Fault(
        "tfgen/models/translation/idcgan.py",
        "shift = REACH + row * slope",
        "shift = REACH + 0 * slope",
        ("tests/models/test_idcgan.py",),
    ),
    "rain: features of another range weigh more": Fault(
        "tfgen/models/translation/idcgan.py",
        "return difference(*maps) * (2 / (high - low)) ** 2",
        "return difference(*maps)",
        ("tests/models/test_idcgan.py",),
    ),
    "a level does not fade": Fault(
        "tfgen/models/adversarial/progan.py",
        "return faded(up(self.to_rgb[level - 1](h)), new, alpha)",
        "return new",
        ("tests/models/test_progan.py",),
    ),
    "real images do not fade": Fault(
        "tfgen/models/adversarial/progan.py",
        "return images if not level else faded(up(down(images)), images, alpha)",
        "return images",
        ("tests/models/test_progan.py",),
    ),
    # Ladders and ensembles.
    "a ratio is not scaled to 1 at a score of 0": Fault(
        "tfgen/losses.py",
        "softplus(scores) / math.log(2)",
        "softplus(scores)",
        ("tests/models/test_densityratiogan.py",),
    ),
    "a relative ratio has its shares the other way round": Fault(
        "tfgen/losses.py",
        "(1 - self.relative) * over_q + self.relative * over_p",
        "self.relative * over_q + (1 - self.relative) * over_p",
        ("tests/models/test_densityratiogan.py",),
    ),
    "details are not added to what is below": Fault(
        "tfgen/models/adversarial/lapgan.py",
        "return below + self.run(",
        "return self.run(",
        ("tests/models/test_lapgan.py",),
    ),
    "a detail is no larger than 1": Fault(
        "tfgen/models/adversarial/lapgan.py",
        '(*filters[2], padding="same", dtype="float32")',
        '(*filters[2], padding="same", activation="tanh", dtype="float32")',
        ("tests/models/test_lapgan.py",),
    ),
    "the former stage is ranked by the critic that learns": Fault(
        "tfgen/models/adversarial/gogan.py",
        "self.previous_discriminator(self.previous_generator(",
        "self.discriminator(self.previous_generator(",
        ("tests/models/test_gogan.py",),
    ),
    "a stage takes over networks in every step": Fault(
        "tfgen/models/adversarial/gogan.py",
        "if self.stage(k) != self.stage(k - 1):",
        "if k > 1:",
        ("tests/models/test_gogan.py",),
    ),
    "weights have the highest level": Fault(
        "tfgen/models/adversarial/adagan.py",
        "level = tf.reduce_min(",
        "level = tf.reduce_max(",
        ("tests/models/test_adagan.py",),
    ),
    "a component learns all images": Fault(
        "tfgen/models/adversarial/adagan.py",
        'step.batch["images"] if not self.place else self.model.weighed(step, self.place)',
        'step.batch["images"]',
        ("tests/models/test_adagan.py",),
    ),
    "a component is sampled before it has begun": Fault(
        "tfgen/models/adversarial/adagan.py",
        "return component + (not judging)",
        "return component + 1",
        ("tests/models/test_adagan.py",),
    ),
    # Classifiers that learn from few labels.
    "the sum over classes is no logit of real": Fault(
        "tfgen/models/adversarial/classifying.py",
        "return tf.reduce_logsumexp(out, 1, keepdims=True), out",
        "return tf.reduce_max(out, 1, keepdims=True), out",
        ("tests/models/test_improvedgan.py",),
    ),
    "the past of the weights does not follow them": Fault(
        "tfgen/models/adversarial/improvedgan.py",
        "mean = past + (v.value - past) / steps",
        "mean = past",
        ("tests/models/test_improvedgan.py",),
    ),
    "the classifier is sure of fakes": Fault(
        "tfgen/models/adversarial/catgan.py",
        "return self.generator(real) - each_entropy(fake)",
        "return self.generator(real) + each_entropy(fake)",
        ("tests/models/test_catgan.py",),
    ),
    "a fake may be told to stay one": Fault(
        "tfgen/models/adversarial/amgan.py",
        "return class_loss(tf.argmax(classes, 1, output_type=tf.int32) if dynamic else labels, logits)",
        "return class_loss(tf.argmax(logits, 1, output_type=tf.int32) if dynamic else labels, logits)",
        ("tests/models/test_amgan.py",),
    ),
    "a reconstruction does not begin at the features": Fault(
        "tfgen/models/adversarial/artgan.py",
        "return decoder(encoder(images, training=training), training=training)",
        "return decoder(tf.stop_gradient(encoder(images, training=training)), training=training)",
        ("tests/models/test_artgan.py",),
    ),
    "the discriminator sees what stands in place of known pixels": Fault(
        "tfgen/models/adversarial/ccgan.py",
        "return tf.where(mask > 0, images, made)",
        "return made",
        ("tests/models/test_ccgan.py",),
    ),
    "the divergence of the weights counts in full for each image": Fault(
        "tfgen/models/variational/him.py",
        "for layer in drawn]) / self.observed",
        "for layer in drawn])",
        ("tests/models/test_him.py",),
    ),
    "ratios are of others in their own places": Fault(
        "tfgen/models/variational/him.py",
        "tf.concat([[1], moved], 0)",
        "tf.concat([[1], 0 * moved], 0)",
        ("tests/models/test_him.py",),
    ),
    "maps are kept for the gradient": Fault(
        "tfgen/layers/memory.py",
        "return tf.recompute_grad(chain)(x)",
        "return chain(x)",
        ("tests/mechanisms/test_layers.py", "-k", "recomputed"),
    ),
    "pixels count in full beside features": Fault(
        "tfgen/analysis/search.py",
        "(1 - weight) * pixels + weight * other",
        "pixels + weight * other",
        ("tests/analysis/test_search.py", "-k", "weighed"),
    ),
    "the gradient in an exported graph is another": Fault(
        "tfgen/export/onnx_gradients.py",
        'make("Sub", 1.0, make("Mul", y, y))',
        'make("Sub", 1.0, y)',
        ("tests/export/test_export_search.py", "-k", "onnxruntime"),
    ),
    "what D sees of the image is left out": Fault(
        "tfgen/analysis/search.py",
        "*(labels or (None,))) - features), axis=1)",
        "*(labels or (None,))) - 0 * features), axis=1)",
        ("tests/analysis/test_search.py", "-k", "own_code"),
    ),
    "a gradient difference keeps its signs": Fault(
        "tfgen/models/video/framepredictor.py",
        "return abs(x[:, 1:] - x[:, :-1]), abs(x[:, :, 1:] - x[:, :, :-1])",
        "return x[:, 1:] - x[:, :-1], x[:, :, 1:] - x[:, :, :-1]",
        ("tests/models/test_framepredictor.py",),
    ),
    "a predicted frame is not seen by the next": Fault(
        "tfgen/models/video/framepredictor.py",
        "return k + 1, tf.concat([window, new], axis=1)[:, -self.given :], made.write(k, new)",
        "return k + 1, window, made.write(k, new)",
        ("tests/models/test_framepredictor.py",),
    ),
    "fakes become the context of the next frame": Fault(
        "tfgen/models/video/contextrnngan.py",
        "for x in (tf.unstack(others, axis=1), states[1:])",
        "for x in (tf.unstack(others, axis=1), states[:-1])",
        ("tests/models/test_contextrnngan.py",),
    ),
    "a state is forgotten": Fault(
        "tfgen/models/video/contextrnngan.py",
        "made, state = network([seen, state], training=training)\n            every",
        "made, _ = network([seen, state], training=training)\n            every",
        ("tests/models/test_contextrnngan.py",),
    ),
    "windows of frames go on in the next clip": Fault(
        "tfgen/data/clips.py",
        "for start in range(len(clip) - length + 1)]",
        "for start in range(len(clip) - (clip is clips[-1]) * (length - 1))]",
        ("tests/data/test_data_clips.py",),
    ),
    "labels are not cut class by class": Fault(
        "tfgen/data/half_labelled.py",
        "found = order[values[order] == label][:wanted]",
        "found = order[label * wanted :][:wanted]",
        ("tests/data/test_data_half_labelled.py",),
    ),
    # Sequences.
    "a rollout changes what it begins with": Fault(
        "tfgen/models/sentences/csgan.py",
        "tf.where(t < first, kept[:, t], token)",
        "tf.where(t < first - 1, kept[:, t], token)",
        ("tests/models/test_csgan.py",),
    ),
    "a sentence is judged by what is behind its end": Fault(
        "tfgen/models/sentences/csgan.py",
        "sides = [x * tf.cast(lived(x), tf.int32) for x in (inputs, tokens)]",
        "sides = [inputs, tokens]",
        ("tests/models/test_csgan.py",),
    ),
    "the loss that lets a player rest is that of the other player": Fault(
        "tfgen/models/music/crnngan.py",
        "return d >= self.freezing * g, g >= self.freezing * d",
        "return g >= self.freezing * d, d >= self.freezing * g",
        ("tests/models/test_crnngan.py",),
    ),
    "a tone is not told the one before it": Fault(
        "tfgen/models/music/crnngan.py",
        "before = known * given + (1 - known) * last",
        "before = known * given",
        ("tests/models/test_crnngan.py",),
    ),
}


def plant(fault, tree):
    """Changes the file in `tree`."""
    path = tree / fault.file
    text = path.read_text()
    if text.count(fault.old) != 1:
        raise SystemExit(f"{fault.file} has {text.count(fault.old)} times: {fault.old}")
    path.write_text(text.replace(fault.old, fault.new))


def tried(fault):
    """(whether the tests failed, the first line that says why), in a process of its own."""
    with tempfile.TemporaryDirectory() as folder:
        tree = Path(folder)
        for name in COPIED:
            source = ROOT / name
            if source.is_dir():
                shutil.copytree(
                    source, tree / name, ignore=shutil.ignore_patterns("__pycache__", "artifacts")
                )
            else:
                shutil.copy(source, tree / name)
        plant(fault, tree)
        log = tree / "log"
        child = os.fork()  # TensorFlow is imported, and has not begun
        if child == 0:
            os.chdir(tree)
            sys.path[:0] = [str(tree)]
            with open(log, "w") as file:
                os.dup2(file.fileno(), 1)
                os.dup2(file.fileno(), 2)
            import pytest

            code = pytest.main([*fault.tests, "-x", "-q", "--tb=line", "-p", "no:cacheprovider"])
            sys.stdout.flush()
            os._exit(int(code))
        _, status = os.waitpid(child, 0)
        lines = log.read_text().splitlines()
        why = [line for line in lines if line.startswith(("E ", "FAILED", "ERROR", "/"))]
        return os.waitstatus_to_exitcode(status), (why or lines or [""])[-1]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("names", nargs="*", help="faults, or parts of their names; all if none")
    parser.add_argument("--list", action="store_true", help="check that each fault can be planted")
    asked = parser.parse_args()
    chosen = {
        name: fault
        for name, fault in FAULTS.items()
        if not asked.names or any(part in name for part in asked.names)
    }
    if asked.list:
        for name, fault in chosen.items():
            found = (ROOT / fault.file).read_text().count(fault.old)
            print("ready  " if found == 1 else f"{found} times", name, sep="  ")
        return 0
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["CUDA_VISIBLE_DEVICES"] = ""
    os.environ.setdefault("XLA_FLAGS", "--xla_backend_optimization_level=0")
    import keras  # noqa: F401
    import tensorflow  # noqa: F401

    survived = 0
    for name, fault in chosen.items():
        start = time.time()
        code, why = tried(fault)
        word = {0: "SURVIVED", 1: "killed", 5: "NO TESTS"}.get(code, f"exit {code}")
        survived += code != 1
        print(f"{word:9} {name} ({time.time() - start:.0f} s): {why[:120]}", flush=True)
    print(f"{len(chosen) - survived} of {len(chosen)} killed")
    return int(survived > 0)


if __name__ == "__main__":
    sys.exit(main())
