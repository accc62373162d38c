"""Steps as a training makes them, for tests of losses by hand."""

from tfgen.models import door
from tfgen.models.step import Step


def step_of(model, *batch, training=True):
    """The `Step` of a batch, in the order of the model's fields, at the model's own counter."""
    return Step(model, door.batch_of(model, batch), training)
