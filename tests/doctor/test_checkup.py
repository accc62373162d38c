"""The doctor's look at a trained model names planted faults, and is silent on a healthy one."""

import numpy as np
import pytest
from watching import BATCHES, IMAGES, TEST, halves, rows

from tfgen import models
from tfgen.doctor import checkup
from tfgen.runs.folder import history as noted

pytestmark = pytest.mark.xdist_group("doctor")


@pytest.fixture
def again(healthy):
    """The healthy model, put back after a fault was planted."""
    model, *_ = healthy
    weights = model.get_weights()
    yield model
    model.set_weights(weights)


def test_a_checkup_is_silent_on_a_healthy_model_and_leaves_it_as_it_was(healthy):
    model, *_ = healthy
    before = [np.array(v) for v in model.variables]
    assert checkup(model, TEST, halves()) == checkup(model, BATCHES) == []
    for ours, theirs in zip(model.variables, before):
        np.testing.assert_array_equal(ours, theirs)


def test_a_checkup_names_a_collapsed_generator_and_the_class_that_it_misses(again):
    last = again.generator.layers[-1]
    last.kernel.assign(0 * last.kernel)
    found = {finding.name: finding for finding in checkup(again, TEST, halves())}
    assert set(found) == {"mode collapse", "missing classes"}
    assert found["mode collapse"].epoch is None
    assert str(found["mode collapse"]).startswith(
        "doctor: mode collapse: 100% of 256 samples, of real images "
    )
    assert "images or fewer; try minibatch discrimination" in str(found["mode collapse"])
    assert "in none of 256 samples" in found["missing classes"].evidence


def test_a_checkup_names_a_weight_that_is_no_number(again):
    layer = again.discriminator.layers[0]
    layer.bias.assign(layer.bias * np.nan)
    (finding,) = checkup(again, TEST)
    assert finding.name == "not a number" and finding.evidence == f"in discriminator's {layer.bias.path}"
    layer.bias.assign(0 * np.ones_like(layer.bias))
    layer.kernel.assign(np.full(layer.kernel.shape, 3e38))  # a number; its sums are none
    (finding,) = checkup(again, TEST)
    assert finding.evidence == f"in the outputs of discriminator's {layer.name}"


def test_a_checkup_names_outputs_that_saturate(again):
    again.generator.layers[-1].bias.assign([30.0])
    assert "saturated outputs" in [finding.name for finding in checkup(again, TEST)]


def test_a_checkup_reads_what_the_run_has_noted(healthy, tmp_path):
    def seen(**columns):
        return checkup(healthy[0], TEST, history=rows(**columns))

    (finding,) = seen(frechet=(4.0, 2.0, 5.0, 6.0))
    assert finding.epoch == 3 and finding.evidence == "6, after a best of 2, in the end"
    assert seen(frechet=(4.0, 2.0, 5.0, 3.0)) == seen(frechet=(4.0, 2.0, 3.0, 5.0)) == []
    (finding,) = seen(real_above_fake=(0.5, 0.05, 0.02, 0.01), gap=(0.0, -1.0, -2.0, -3.0))
    assert finding.name == "labels swapped" and finding.epoch == 2
    assert finding.evidence.startswith("fakes score above real images in 99% of pairs, gap -3")
    assert seen(real_above_fake=(0.05, 0.05, 0.05), gap=(-3.0, -2.0, -1.0)) == []  # it learns yet
    (finding,) = seen(gap=(0.0, np.nan, np.nan))
    assert str(finding).startswith("doctor, epoch 2: not a number: doctor_gap is nan; lower the rate")
    assert noted(tmp_path) == []
    (tmp_path / "metrics.csv").write_text("epoch,doctor_gap\n1,0.5\n2,nan\n")
    assert noted(tmp_path)[0] == {"epoch": 1, "doctor_gap": 0.5}


def test_a_conditional_critic_has_a_checkup():
    model = models.ProjectionGAN((8, 8, 1), width=8, latent_dim=4, seed=0)
    model.compile()
    found = checkup(model, (IMAGES, np.arange(len(IMAGES), dtype="int32") % 10))
    assert "not a number" not in [finding.name for finding in found]
