"""What a run will be, without a training: what is the recipe's, how long it is, by which optimizers."""

import json
import sys

import keras
import numpy as np
import pytest

import tfgen
from tfgen import models, runs
from tfgen.errors import InputError
from tfgen.models import DCGAN, VAE
from tfgen.models.base import Recipe
from tfgen.runs import folder, plan
from tfgen.runs.callbacks import factor

SMALL = {"width": 8, "latent_dim": 4}


@pytest.fixture(scope="module")
def photos(tmp_path_factory):
    """40 colour images."""
    path = tmp_path_factory.mktemp("photos") / "photos.npz"
    np.savez(path, images=np.random.default_rng(0).integers(0, 255, (40, 8, 8, 3), np.uint8))
    return path


def settled(*args, **options):
    run, _ = plan.planned(*args, **options)
    net = plan.built(run)
    return plan.settled(run, net), net


def complaint(*args, **options):
    with pytest.raises(InputError) as caught:
        plan.planned(*args, **options)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("name", [name for name, cls in models.MODELS.items() if cls.recipe.data])
def test_options_of_a_recipes_data_are_for_its_own_data_alone(name, photos):
    run, taken = plan.planned(name, photos)
    assert run["data"]["options"] == {"split": "train", **models.MODELS[name].data_options}
    assert set(run["config"]) <= {"image_shape", "input_channels", "seed", "dtype", "classes", "attributes"}
    assert set(taken) - {"schedule"} == {"batch_size"}  # shares of any run


def test_a_model_of_other_data_has_its_own_defaults(photos):
    net = plan.built(plan.planned("vae", photos)[0])
    assert (net.body, net.ema_decay, net.image_shape) == ("convolutional", None, (8, 8, 3))


def test_a_recipe_is_taken_for_its_own_data_and_said(monkeypatch, photos):
    recipe = Recipe("digits", 32, 7, dict(width=8, latent_dim=3), dict(binarize="dynamic"), ("halve", 0.5))
    monkeypatch.setattr(VAE, "recipe", recipe)
    run, taken = plan.planned("vae", arguments={"latent_dim": 2})
    assert run["config"]["latent_dim"] == 2 and run["config"]["width"] == 8
    assert (run["batch_size"], run["epochs"], run["schedule"]) == (32, 7, ("halve", 0.5))
    assert run["data"]["options"] == {"split": "train", "binarize": "dynamic"}
    schedule = ("halve", 0.5)
    assert taken == {"width": 8, "binarize": "dynamic", "batch_size": 32, "epochs": 7, "schedule": schedule}
    assert run["learning_rate"] is None
    monkeypatch.setattr(VAE, "recipe", recipe._replace(learning_rate=0.5))
    run, taken = plan.planned("vae")
    assert run["learning_rate"] == taken["learning_rate"] == 0.5
    assert [float(one.learning_rate) for one in plan.built(run).optimizers.values()] == [0.5]
    assert plan.planned("vae", learning_rate=0.1)[0]["learning_rate"] == 0.1
    for other in (dict(optimizer="sgd"), dict(source=photos)):
        run, taken = plan.planned("vae", **other)
        assert run["learning_rate"] is None and "learning_rate" not in taken
    monkeypatch.setattr(VAE, "recipe", recipe._replace(schedule=("halve", 0, 1)))
    assert "('halve', every)" in complaint("vae")


def test_a_small_set_is_trained_for_enough_updates(photos):
    run, net = settled("wgangp", photos, arguments=SMALL, batch_size=8)
    steps = run["epochs"] * runs.data.steps(run)
    assert runs.data.steps(run) >= 100 and run["passes"] == 20
    updates = steps // max(objective.every for objective in net.objectives().values())
    assert plan.ENOUGH <= updates < 1.1 * plan.ENOUGH
    run, _ = settled("vae", photos, arguments=SMALL, batch_size=8, steps=7)
    assert (run["passes"], run["epochs"]) == (2, 1)  # 10 steps are the whole epochs that have 7
    run, _ = settled("vae", photos, arguments=SMALL, batch_size=8, steps=201)
    assert (run["passes"], run["epochs"]) == (20, 3)
    run, _ = settled("vae", photos, arguments=SMALL, batch_size=8, epochs=3)
    assert run["epochs"] == 3 and runs.data.steps(run) == 5
    assert "epochs or steps" in complaint("vae", photos, epochs=1, steps=1)
    assert "steps must be at least 1; received 0" in complaint("vae", photos, steps=0)


def test_optimizers_are_the_papers_but_for_what_is_asked(photos):
    def optimizers(**asked):
        run, net = settled("dcgan", photos, arguments=SMALL, batch_size=8, epochs=1, **asked)
        return run, net.optimizers["generator"], net.optimizers["discriminator"]

    _, usual, _ = optimizers()
    run, generator, discriminator = optimizers(learning_rate={"generator": 1e-4}, clip_norm=1)
    assert run["learning_rate"] == {"generator": 1e-4} and run["clip_norm"] == 1
    rates = [float(one.learning_rate) for one in (generator, discriminator)]
    np.testing.assert_allclose(rates, [1e-4, float(usual.learning_rate)], rtol=1e-6)
    assert generator.beta_1 == usual.beta_1 and generator.global_clipnorm == 1
    _, generator, discriminator = optimizers(optimizer="sgd", learning_rate=0.5)
    assert {type(generator), type(discriminator)} == {keras.optimizers.SGD}
    assert float(generator.learning_rate) == float(discriminator.learning_rate) == 0.5
    assert "did you mean adam" in complaint("dcgan", photos, optimizer="adan")
    for name, value in (("learning_rate", 0), ("clip_norm", "x"), ("learning_rate", {"generator": np.inf})):
        assert f"{name}" in complaint("dcgan", photos, **{name: value})
        assert "must be a number above 0" in complaint("dcgan", photos, **{name: value})
    with pytest.raises(InputError, match=r"unknown objective 'critic'.*generator"):
        optimizers(learning_rate={"critic": 1e-4})


def test_a_schedule_is_a_function_of_the_share_of_the_epochs():
    assert [factor(("linear", 0.5, 1.0), e / 4) for e in range(5)] == [1, 1, 1, 0.5, 0]
    assert [factor(("halve", 0.1), e / 10) for e in range(10)] == [0.5**e for e in range(10)]
    for wrong in (("linear", 0.5), ("linear", 1, 0.5), ("halve", 0), ("quarter", 0.5)):
        with pytest.raises(InputError, match="a schedule is"):
            factor(wrong, 0)


def test_classes_of_two_domains_are_those_of_the_first(photos):
    place = {"data_dir": None, "download": False}
    for source, other, count in (("digits", photos, {"classes": 10}), (photos, "digits", {})):
        options = {"split": "train", "domains": str(other)}
        loading = {"source": str(source), "options": options, **place}
        assert runs.data.conditions(loading, ["classes"]) == count


def test_names_of_labels_are_kept(tmp_path):
    images = np.random.default_rng(0).integers(0, 255, (8, 8, 8, 1), np.uint8)
    np.savez(tmp_path / "data.npz", images=images, labels=np.arange(8) % 2)
    run, _ = settled("cvae", tmp_path / "data.npz", arguments=SMALL, batch_size=8, epochs=1)
    assert run["data"]["label_names"] == list(runs.data.label_names({**run["data"]}))
    (tmp_path / "data.npz").unlink()
    run["data"]["label_names"] = ["cat", "dog"]
    assert runs.data.label_names(run["data"]) == ("cat", "dog")
    run, _ = settled("vae", "digits", arguments=SMALL, epochs=1)
    assert "label_names" not in run["data"]


MINE = """
import keras
from tfgen.models import DCGAN

@keras.saving.register_keras_serializable()
class MyGAN(DCGAN):
    recipe = None

class Other: pass
"""


def test_a_model_of_ones_own_is_trained_by_its_module_and_class(tmp_path, monkeypatch, photos):
    (tmp_path / "minegan.py").write_text(MINE)
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(tmp_path)
    run, net = settled("minegan:MyGAN", photos, arguments=SMALL, batch_size=8, epochs=1)
    assert run["model"] == "minegan:MyGAN" and isinstance(net, DCGAN) and type(net) is not DCGAN
    net.save("mine.keras")
    del sys.modules["minegan"], keras.saving.get_custom_objects()["Custom>MyGAN"]  # as in a new process
    assert type(tfgen.load("mine.keras")) is sys.modules["minegan"].MyGAN
    assert "has no recipe" in complaint("minegan:MyGAN")
    assert "no module 'minigan' in" in complaint("minigan:MyGAN", photos)
    assert "has no model 'MyGun'" in complaint("minegan:MyGun", photos)
    assert "has no model 'Other'" in complaint("minegan:Other", photos)


def test_types_are_those_of_annotations():
    for value in ('"0.9"', "0.9"):
        with pytest.raises(InputError, match=r"ema_decay of VAE must be float or None; received .* \(str\)"):
            plan.planned("vae", "digits", arguments={"ema_decay": value})
    assert plan.planned("vae", "digits", arguments={"ema_decay": 0})[0]["config"]["ema_decay"] == 0.0


def test_a_run_json_that_lacks_something_is_named(tmp_path):
    (tmp_path / "run.json").write_text("{}")
    with pytest.raises(InputError, match=r"run\.json lacks model, config, data"):
        folder.read(tmp_path)
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(InputError, match="lacks model"):
        folder.read(tmp_path)


def test_a_broken_tf_config_is_named(monkeypatch):
    for text in ("{", "[]", json.dumps({"cluster": {}})):
        monkeypatch.setenv("TF_CONFIG", text)
        with pytest.raises(InputError, match="TF_CONFIG to be JSON with a cluster and a task"):
            plan.distribution_of("multi_worker")


def test_a_stage_longer_than_the_run_is_named(photos):
    small = dict(latent_dim=4, width=4, max_width=4)
    with pytest.raises(InputError, match="ProGAN has stages that are longer than the run, whose 5 steps"):
        settled("progan", photos, arguments=small, batch_size=8, epochs=1)
    run, _ = settled("progan", photos, arguments={**small, "phase_steps": 4}, batch_size=8, epochs=1)
    assert run["epochs"] == 1
