"""A trained encoder as the features of a classifier: frozen (a linear probe) or fine-tuned.

Alain and Bengio. Understanding Intermediate Layers Using Linear Classifier Probes. 2016.
https://arxiv.org/abs/1610.01644
Hinton and Salakhutdinov. Reducing the Dimensionality of Data with Neural Networks. Science 2006:
pretraining without labels, fine-tuning with them. https://doi.org/10.1126/science.1127647

    logits = W code(x) + b
"""

import keras

from tfgen.errors import InputError
from tfgen.models.abilities import Codes


def classifier_of(model: Codes, classes: int, frozen: bool = True) -> keras.Model:
    """A Keras classifier on a copy of a model's encoder; what is learnt never reaches the model.

    It is compiled (Adam, 1e-2 if frozen, else 1e-3; cross-entropy of integer labels, accuracy) and is
    fitted, evaluated and saved as any keras.Model: `classifier.fit(images, labels, epochs=100)`.
    On the encoder of a model that was not trained it is the same network from scratch. Fine-tuning
    with few labels does better from the weights of the linear probe, `tuned.set_weights(
    probe.get_weights())`, as a random head's gradients spoil the encoder (Kumar et al., ICLR 2022,
    https://arxiv.org/abs/2202.10054).

    Args:
        model: a model with an encoder that needs no labels; the copy is of the averaged weights
            where there are any, as in `encode`.
        classes: number of logits.
        frozen: whether only the linear layer learns, else the encoder too.

    Returns:
        a keras.Model of images (n, h, w, c) in the model's `value_range` to logits (n, classes).
    """
    name = type(model).__name__
    if not isinstance(model, Codes):
        raise InputError(f"{name} has no encoder; models with `encode` have features")
    if model.label_spec is not None:
        raise InputError(f"the encoder of {name} needs labels, so it cannot be what predicts them")
    if classes < 2:
        raise InputError(f"a classifier needs classes >= 2; received {classes}")
    source = model.averaged("encoder")
    if source.input_shape[1:] != tuple(model.image_shape):
        raise InputError(f"the encoder of {name} takes features, so it cannot be a classifier of images")
    encoder = type(source).from_config(source.get_config())
    encoder.set_weights(source.get_weights())
    encoder.trainable = not frozen
    images = keras.Input(model.image_shape, name="images")
    # Frozen, batch normalisation keeps its statistics too.
    outputs = encoder(images, training=False) if frozen else encoder(images)
    code = outputs[:, : model.latent_dim]  # of a posterior, its mean
    code = keras.layers.Activation(getattr(model, "code_activation", "linear"))(code)
    start = keras.initializers.GlorotUniform(seed=model.seed)
    logits = keras.layers.Dense(classes, kernel_initializer=start, dtype="float32", name="logits")(code)
    classifier = keras.Model(images, logits, name="classifier")
    classifier.compile(
        keras.optimizers.Adam(1e-2 if frozen else 1e-3),
        keras.losses.SparseCategoricalCrossentropy(from_logits=True),
        metrics=["accuracy"],
    )
    return classifier
