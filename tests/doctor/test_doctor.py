"""The doctor names planted faults, is silent on healthy games, and leaves what it looks at as it was."""

import keras
import numpy as np
import pytest
import tensorflow as tf
from watching import BATCHES, IMAGES, adam, build, halves, looked, names, rows, watched

from tfgen import losses
from tfgen.doctor import REMEDIES, TrainingDoctor, checkup, judge, measure
from tfgen.doctor.inspection import first
from tfgen.errors import InputError
from tfgen.models import CGAN, CVAEGAN, DCGAN, VAE, VAEGAN, WGANGP, CycleGAN
from tfgen.models.monitoring import Diverged

pytestmark = pytest.mark.xdist_group("doctor")  # with the healthy game of conftest.py


def test_silent_on_a_healthy_game(healthy, capsys):
    model, watching, history = healthy
    assert names(watching) == []
    assert np.isfinite([v for k, v in history.items() if k.startswith("doctor_")]).all()
    assert "doctor_accuracy_fake" in history and "doctor_generator_gradient" in history
    blind, logs = looked(model, None, epochs=3)
    blind.on_train_end()
    assert names(blind) == [] and capsys.readouterr().out == "" and np.isfinite([*logs.values()]).all()
    assert "doctor_generator_gradient" not in logs


def test_a_healthy_critic_leaves_noise_after_ten_updates_of_its_generator():
    watching, history = watched(build(WGANGP), 5)
    assert names(watching) == ["noise"]
    assert np.isfinite([v for k, v in history.items() if k.startswith("doctor_")]).all()
    assert "doctor_accuracy_fake" not in history  # a critic's zero decides nothing


def test_a_rate_too_high(capsys):
    watching, _ = watched(build(discriminator=adam(0.5), generator=adam(0.5)), 2)
    assert names(watching)[0] == "learning rate too high" and watching.findings[0].epoch == 1
    printed = [line for line in capsys.readouterr().out.splitlines() if line]
    assert printed == [str(finding) for finding in watching.findings]
    assert REMEDIES["learning rate too high"] in printed[0] and "times in an epoch" in printed[0]


def test_a_discriminator_too_strong():
    model = build(discriminator=adam(1e-2), generator=keras.optimizers.SGD(0.0))
    watching, history = watched(model, 6)
    assert sorted(names(watching)) == ["discriminator wins", "noise"]  # once, though they last
    assert history["doctor_accuracy_real"][-1] == history["doctor_accuracy_fake"][-1] == 1
    assert "accuracy 1.00 on real and 1.00 on fake" in str(watching.findings)
    found = {finding.name: finding.evidence for finding in checkup(model, IMAGES)}
    assert set(found) == {"discriminator wins", "noise"} and "accuracy 1.00" in found["discriminator wins"]
    for last in (1.0, 0.9):  # of one look alone it is known that games swing
        seen = rows(accuracy_real=(0.5, last, 1.0), accuracy_fake=(0.5, 1.0, 1.0))
        found = {finding.name for finding in checkup(model, IMAGES, history=seen)}
        assert found == ({"discriminator wins", "noise"} if last == 1 else {"noise"})


@pytest.mark.parametrize("kept", [0.0, 0.02], ids=["one image", "nearly one"])
def test_a_generator_that_ignores_z(kept):
    model = build()
    last = model.generator.layers[-1]
    rng = np.random.default_rng(0)
    picture = tf.constant(rng.uniform(-1, 1, (8, 8, 1)), tf.float32)
    call = last.call
    last.call = lambda x: tf.tanh(picture + kept * call(x))
    for data in (IMAGES, None):
        watching, logs = looked(model, data, epochs=3)
        # Where nothing of z is left, no gradient passes either; and the picture is of noise.
        assert {*names(watching)} - {"vanished gradient", "noise"} == {"mode collapse"}
        assert logs["doctor_duplicates"] == 1
        assert "100% of 256 samples" in str(watching.findings)


@pytest.mark.parametrize("cls", [DCGAN, WGANGP])
def test_real_and_fake_swapped(cls):
    model = build(cls, discriminator=adam(2e-3))
    right = model.adversarial_loss

    class Swapped(type(right)):
        def discriminator(self, real, fake):
            return right.discriminator(fake, real)

    model.adversarial_loss = Swapped()
    watching, history = watched(model, 4)
    assert "labels swapped" in names(watching)
    assert history["doctor_real_above_fake"][-1] < 0.1 and history["doctor_gap"][-1] < 0


@pytest.mark.parametrize("network", ["generator", "discriminator"])
def test_a_weight_that_is_no_number(network):
    model = build()
    layer = [one for one in getattr(model, network).layers if one.weights][-1]
    layer.bias.assign(layer.bias * np.nan)
    watching, model.run_eagerly = TrainingDoctor(), True  # of one step
    with pytest.raises(Diverged):
        model.fit(BATCHES, verbose=0, callbacks=[watching])
    (finding,) = watching.findings
    assert finding.name == "not a number"
    assert f"in {network}'s {layer.bias.path}" in finding.evidence and "more" not in finding.evidence


def test_a_loss_and_an_output_that_are_no_numbers():
    class Endless(losses.Minimax):
        def generator(self, fake, real=None):
            return tf.reduce_mean(fake) * np.inf

    model = build()
    model.adversarial_loss = Endless()
    watching, model.run_eagerly = TrainingDoctor(), True  # of one step
    with pytest.raises(Diverged):
        model.fit(BATCHES, verbose=0, callbacks=[watching])
    assert "first generator_loss at step 1, by its end in generator's" in watching.findings[0].evidence

    model = build()
    layer = model.discriminator.layers[0]
    watching = TrainingDoctor()
    watching.set_model(model)
    watching.on_train_begin()
    watching.on_epoch_begin(0)
    layer.kernel.assign(tf.fill(layer.kernel.shape, 3e38))  # a number; its sums are none
    watching.on_epoch_end(0, {})
    (finding,) = watching.findings
    assert f"in the outputs of discriminator's {layer.name}" in finding.evidence


def test_a_gradient_that_vanishes_and_outputs_that_saturate():
    model = build()
    model.generator.layers[-1].bias.assign([30.0])
    watching, logs = looked(model, IMAGES, epochs=2)
    assert {"vanished gradient", "saturated outputs", "mode collapse"} == set(names(watching))
    assert logs["doctor_saturated"] == 1 and logs["doctor_generator_gradient"] == 0


def test_missing_classes_and_a_frechet_score_that_drifts():
    watching, logs = looked(build(), IMAGES, halves())
    real = halves()(IMAGES[:256], (-1, 1))
    both = (real[:, 0] > real[:, 1]).mean()
    assert 0.1 < both < 0.9 and logs["doctor_missing_classes"] == 0 and names(watching) == []
    model = watching.model
    best = logs["doctor_frechet"]
    last = model.generator.layers[-1]
    call, bias = last.call, np.ones((8, 8, 1), "float32")
    bias[4:] = -1
    last.call = lambda x: 0.2 * call(x) + 0.8 * bias
    for epoch in (1, 2):
        watching.on_epoch_begin(epoch)
        watching.on_epoch_end(epoch, logs := {})
    assert logs["doctor_missing_classes"] == 0.5 and logs["doctor_frechet"] > 2 * best
    by_name = {finding.name: finding.evidence for finding in watching.findings}
    assert by_name["missing classes"].startswith("1 in none of 256 samples")
    assert f"after a best of {best:.3g}" in by_name["Frechet score drifts"]


def test_duplicates_are_counted_by_the_distance_of_real_images():
    """Half of the samples in pairs nearer than half a real neighbour: a share of one half."""
    real, others = (measure.seen(images, (-1, 1)) for images in (IMAGES[:256], IMAGES[300:556]))
    shown = IMAGES[300:556].astype("float64")
    shown[128:192] = shown[64:128]
    shares = [measure.of_fakes(each, real)["duplicates"] for each in (measure.seen(shown, (-1, 1)), others)]
    assert shares[0] - shares[1] == pytest.approx(0.5, abs=0.02)


def test_roughness_is_known():
    rng = np.random.default_rng(0)
    assert measure.roughness(rng.normal(size=(8, 64, 64, 3))) == pytest.approx(1, abs=0.05)
    board = (np.indices((8, 8)).sum(0) % 2)[None, ..., None]
    assert measure.roughness(board) == pytest.approx(2)
    ramp = np.tile(np.arange(9.0), (9, 1))[None, ..., None]  # half of the differences 1, variance 20 / 3
    assert measure.roughness(ramp) == pytest.approx(0.5 / (2 * 20 / 3))
    assert measure.roughness(3 * ramp - 7) == pytest.approx(measure.roughness(ramp))
    assert (
        list(measure.roughness(np.ones((1, 8, 8, 1))))
        == list(measure.roughness(np.ones((1, 1, 1, 2))))
        == [0]
    )


def test_noise_is_told_from_digits():
    def found(images):
        now = measure.of_fakes(measure.seen(images, (-1, 1)), measure.seen(IMAGES[:256], (-1, 1)))
        return judge.judge(now)

    noise = np.random.default_rng(0).uniform(-1, 1, (256, 8, 8, 1))
    assert list(found(noise)) == ["noise"]
    assert found(noise)["noise"].startswith("100% of the samples are rougher than 99% of the real images")
    assert found(IMAGES[300:556]) == found(0.3 * IMAGES[300:556]) == {}


def test_the_training_is_as_without_it():
    model = build(ema_decay=0.9)
    state = [*model.variables, *(v for one in model.optimizers.values() for v in one.variables)]
    first, ends = [np.array(v) for v in state], []
    for callbacks in ([], [TrainingDoctor(BATCHES)]):
        for variable, value in zip(state, first, strict=True):
            variable.assign(value)
        model.fit(BATCHES, epochs=2, verbose=0, callbacks=callbacks)
        ends.append([np.array(v) for v in state] + [model.sample(2)])  # the unseeded noise too
    for variable, plain, seen in zip([*state, None], *ends, strict=True):
        np.testing.assert_array_equal(seen, plain, err_msg=getattr(variable, "path", "sample"))


def test_two_devices_see_what_one_sees(two_devices):
    numbers = []
    for scope in (tf.distribute.get_strategy(), two_devices):
        with scope.scope():
            model = build()
        numbers.append(looked(model, IMAGES)[1])
    assert list(numbers[0]) == list(numbers[1])
    for name, value in numbers[0].items():
        assert numbers[1][name] == pytest.approx(value, rel=1e-4, abs=1e-5), name


@pytest.mark.parametrize("cls", [VAEGAN, CVAEGAN, CGAN])
def test_every_game_is_watched(cls):
    model = cls((8, 8, 1), latent_dim=4, width=8, seed=0)
    model.compile()
    labels = () if cls is VAEGAN else (np.arange(64, dtype="int32") % 10,)
    for data in ((IMAGES[:64], *labels), None):
        _, logs = looked(model, data)
        assert ("doctor_gap" in logs) == ("doctor_generator_gradient" in logs) == (data is not None)
        assert logs and np.isfinite([*logs.values()]).all()


def test_two_games_have_numbers_of_their_own():
    class Both(DCGAN):
        def games(self):
            game = super().games()[0]
            return [game._replace(name="a"), game._replace(name="b", zero_decides=False)]

    model = build(Both)
    model.generator.layers[-1].bias.assign([30.0])
    _, logs = looked(model, IMAGES)
    assert logs["doctor_a_gap"] == logs["doctor_b_gap"] and "doctor_gap" not in logs
    assert "doctor_a_accuracy_fake" in logs and "doctor_b_accuracy_fake" not in logs
    found = [str(finding) for finding in checkup(model, IMAGES)]
    assert sum("game a: " in line for line in found) == sum("game b: " in line for line in found) > 0


def test_the_games_of_two_domains_are_watched():
    model = CycleGAN(**CycleGAN.tiny, seed=0)
    model.compile()
    sides = {name: np.resize(IMAGES, (8, *field.shape)) for name, field in model.fields.items()}
    _, logs = looked(model, sides)  # trained with its doctor it is in tests/runs
    for name in ("gap", "duplicates", "rough", "generator_gradient", "discriminator_gradient"):
        assert np.isfinite([logs[f"doctor_a_{name}"], logs[f"doctor_b_{name}"]]).all()


def test_large_images_of_a_translator_are_fewer(monkeypatch):
    monkeypatch.setattr(measure, "PIXELS", 5 * 12 * 12)
    pairs = {name: np.zeros((8, 12, 12, 1), np.float32) - 1 for name in ("images_a", "images_b")}
    seen = measure.probe(CycleGAN(**CycleGAN.tiny), pairs)
    assert {len(part) for part in seen.values()} == {5}


def test_a_model_without_games_is_named():
    model = VAE((8, 8, 1), latent_dim=2, width=4)
    model.compile()
    with pytest.raises(InputError, match="TrainingDoctor needs a model with the ability Games; VAE has none"):
        model.fit(0.5 * IMAGES[:64] + 0.5, verbose=0, callbacks=[TrainingDoctor()])


def test_data_are_what_fit_takes():
    rows = tf.data.Dataset.from_tensor_slices(np.arange(600)).batch(100)
    np.testing.assert_array_equal(first(rows, 256), np.arange(256))
    images, labels = first((np.arange(600), np.arange(600) % 7), 256)
    np.testing.assert_array_equal(labels, images % 7)
    model = build()
    floats, numbers = (looked(model, x)[1] for x in (IMAGES, ((IMAGES + 1) * 127.5).round().astype("uint8")))
    assert floats["doctor_gap"] == pytest.approx(numbers["doctor_gap"], abs=1e-4)


def test_roughness_of_volumes():
    """1 for noise in three directions, near 0 for a ball."""
    noise = np.random.default_rng(0).normal(size=(2, 12, 12, 12, 1))
    np.testing.assert_allclose(measure.roughness(noise), 1, atol=0.1)
    ticks = np.linspace(-1, 1, 12)
    ball = (ticks[:, None, None] ** 2 + ticks[:, None] ** 2 + ticks**2 < 0.6)[None, ..., None]
    assert measure.roughness(ball) < 0.4
