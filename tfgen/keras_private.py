"""The few private parts of Keras that tfgen needs, in one place."""


def forget_layer(owner, name):
    """Deletes the layer that `owner` keeps under that name; Keras alone would go on tracking it."""
    owner._tracker.untrack(getattr(owner, name))
    object.__delattr__(owner, name)
