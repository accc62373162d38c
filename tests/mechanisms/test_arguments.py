"""What a model's constructor takes, by name."""

from tfgen import arguments
from tfgen.models import DCGAN, get
from tfgen.models.registry import catalogue


def test_arguments_of_a_model_are_its_own_and_those_of_its_base_classes():
    found = arguments.of_model(DCGAN)
    assert {"image_shape", "latent_dim", "width", "seed", "ema_decay"} <= set(found)
    assert list(found).index("latent_dim") < list(found).index("ema_decay")  # its own first
    assert found["latent_dim"].default == 100


def test_nothing_stands_for_arguments_without_a_name():
    for name in catalogue():
        assert not {"args", "kwargs", "self"} & set(arguments.of_model(get(name))), name
