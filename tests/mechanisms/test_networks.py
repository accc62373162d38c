"""What builders promise: sizes, names of layers, what a score sees, and whose noise it is."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from tfgen import networks, random
from tfgen.errors import InputError
from tfgen.export.onnx import whole_outputs
from tfgen.layers import InstanceNormalization, SpectralNormalization
from tfgen.networks import residual

RNG = np.random.default_rng(0)
IMAGES = tf.constant(RNG.uniform(-1, 1, (3, 16, 24, 3)), tf.float32)


def keys(seed, n, first_row=0):
    return random.row_keys(random.key(seed), n, first_row)


def test_the_u_net_s_noise_is_that_of_its_keys_alone():
    net = networks.unet(3, 2, width=4, depth=3)
    made = net([IMAGES, keys(7, 3)])
    assert made.shape == (3, 16, 24, 2)
    np.testing.assert_array_equal(net([IMAGES, keys(7, 3)]), made)
    np.testing.assert_array_equal(net([IMAGES, keys(7, 3)], training=True), made)
    np.testing.assert_allclose(net([IMAGES[1:2], keys(7, 1, first_row=1)]), made[1:2], atol=1e-6)
    assert np.abs(net([IMAGES, keys(8, 3)]) - made).max() > 0.01
    assert np.abs(net([tf.repeat(IMAGES[:1], 2, 0), keys(7, 2)])[0] - made[0]).max() < 1e-6


def test_the_u_net_without_dropout_takes_images_alone():
    net = networks.unet(3, 3, width=4, depth=3, dropout=0)
    assert net(IMAGES).shape == (3, 16, 24, 3) and len(net.inputs) == 1


def test_the_u_net_is_the_paper_s():
    """54.4 million parameters, as the authors' for 256x256; skips join maps of one size."""
    net = networks.unet(3, 3)
    assert net.count_params() == pytest.approx(54.41e6, rel=1e-3)
    kernels = [v.shape for v in net.trainable_variables if len(v.shape) == 4]
    down, up = kernels[:8], kernels[8:]
    assert [shape[-1] for shape in down] == [64, 128, 256, 512, 512, 512, 512, 512]
    assert [shape[-1] for shape in up] == [512, 1024, 1024, 1024, 1024, 512, 256, 128]  # inputs, with skips
    assert sum(isinstance(layer, InstanceNormalization) for layer in net.layers) == 6 + 7
    for v in net.trainable_variables:
        if len(v.shape) == 4 and v.shape.num_elements() > 1e4:
            assert float(tf.math.reduce_std(v)) == pytest.approx(0.02, rel=0.05)


@pytest.mark.parametrize("strided, field", [(0, 1), (1, 16), (2, 34), (3, 70)])
def test_a_score_of_the_patch_discriminator_sees_its_patch(strided, field):
    """The gradient of an inner score by the image is zero but on field x field pixels."""
    net = networks.patch_discriminator(2, width=4, strided=strided, normalization=None)
    for v in net.trainable_variables:
        v.assign(tf.abs(v) + 0.01)  # so that nothing cancels
    x = tf.ones((1, 160, 160, 2))
    with tf.GradientTape() as tape:
        tape.watch(x)
        scores = net(x)
        middle = scores[0, scores.shape[1] // 2, scores.shape[2] // 2, 0]
    seen = np.abs(tape.gradient(middle, x)[0]).max(-1) > 0
    assert (seen.any(0).sum(), seen.any(1).sum(), seen.sum()) == (field, field, field**2)


def test_the_patch_discriminator_is_the_paper_s():
    net = networks.patch_discriminator((3, 3))
    assert net.count_params() == pytest.approx(2.769e6, rel=1e-3)
    assert net([tf.zeros((1, 256, 256, 3))] * 2).shape == (1, 30, 30, 1)


@pytest.mark.parametrize("height, width", [(12, 12), (16, 24)])
def test_the_translator_keeps_any_size(height, width):
    net = networks.resnet_translator(3, 1, width=4, blocks=2)
    assert net(IMAGES[:, :12, :12] if height == 12 else IMAGES).shape == (3, height, width, 1)
    starts = {v.numpy().tobytes() for v in net.trainable_variables if len(v.shape) == 4}
    assert len(starts) == 2 * 2 + 6  # layers of one shape do not start alike


def test_the_translator_is_the_paper_s():
    assert networks.resnet_translator(3, 3).count_params() == pytest.approx(11.38e6, rel=1e-3)


@pytest.mark.parametrize("build", [networks.unet, networks.resnet_translator])
def test_a_translator_s_graph_is_pure_and_onnx_takes_any_size(build):
    import onnx
    import onnxruntime
    import tf2onnx

    net = build(3, 1, width=4, **(dict(depth=3) if build is networks.unet else dict(blocks=1)))

    @tf.function(
        input_signature=[
            tf.TensorSpec((None, None, None, 3), name="inputs"),
            tf.TensorSpec((), tf.int64, "seed"),
        ]
    )
    def translate(inputs, seed):
        keys = random.row_keys(random.key(seed), tf.shape(inputs)[0])
        return net([inputs, keys] if build is networks.unet else inputs) + 0 * tf.cast(seed, tf.float32)

    graph = translate.get_concrete_function().graph.as_graph_def()
    nodes = {n.op for f in [*graph.library.function] for n in f.node_def} | {n.op for n in graph.node}
    assert not any("Random" in op or "Assign" in op for op in nodes)
    with whole_outputs():
        proto, _ = tf2onnx.convert.from_function(translate, translate.input_signature, opset=18)
    onnx.checker.check_model(proto, full_check=True)
    assert {node.domain for node in proto.graph.node} == {""}
    session = onnxruntime.InferenceSession(proto.SerializeToString(), providers=["CPUExecutionProvider"])
    for images in (IMAGES.numpy(), IMAGES.numpy()[:1, :, :16]):
        (made,) = session.run(None, {"inputs": images, "seed": np.array(5, "int64")})
        np.testing.assert_allclose(made, translate(images, tf.constant(5, tf.int64)), atol=1e-5)


@pytest.mark.parametrize("body", ["convolutional", "dense", "linear"])
def test_spectral_is_of_every_layer_of_every_body(body):
    net = networks.encoder(body, (8, 8, 1), width=4, outputs=1, conditions=3, normalization="spectral")
    normal = [layer for layer in net._flatten_layers() if isinstance(layer, SpectralNormalization)]
    assert {id(v) for layer in normal for v in layer.trainable_variables} == {
        id(v) for v in net.trainable_variables
    }


def test_layers_have_their_names():
    net = networks.dcgan_discriminator((16, 16, 1), width=4, outputs=5, normalization="batch")
    parts = keras.Model(net.inputs, [net.get_layer("features").output, net.get_layer("flat").output])
    features, flat = parts(IMAGES[:, :, :16, :1])
    assert features.shape == (3, 4, 4, 8)
    np.testing.assert_array_equal(tf.reshape(features, (3, -1)), flat)
    body = networks.dcgan_discriminator((16, 16, 1), width=4, outputs=None)
    assert body.output_shape == (None, 4 * 4 * 8)


def test_an_unknown_normalization_is_named():
    with pytest.raises(InputError, match="normalization 'bach'; did you mean batch"):
        networks.unet(3, 3, normalization="bach")


def convolved(x, layer):
    return tf.nn.conv2d(x, layer.kernel, 1, "SAME") + layer.bias


def with_random_weights(net):
    for v in net.trainable_variables:
        v.assign(np.random.default_rng(v.shape.num_elements()).normal(0, 0.5, v.shape))
    found = [layer for layer in net._flatten_layers() if isinstance(layer, keras.layers.Conv2D)]
    # The shortcut's last; of an equal size, that of fewer channels first.
    return sorted(found, key=lambda layer: (-layer.kernel_size[0], layer.kernel.shape[2]))


@pytest.fixture(params=[False, True], ids=["small", "large"])
def large(request, monkeypatch):
    """Whether the maps are so large that what is inside a block is made again for the gradient."""
    if request.param:
        monkeypatch.setattr(residual, "LARGE", 1)


def test_a_residual_block_up_is_the_paper_s(large):
    """Its sum in the order of the figure, where both ways are enlarged before they are convolved."""
    x = keras.Input((4, 6, 3))
    normalize = keras.layers.Rescaling(2.0, 0.5)
    net = keras.Model(x, networks.residual_up(x, 5, normalize, None))
    one, two, short = with_random_weights(net)
    assert [layer.kernel.shape[:2] for layer in (one, two, short)] == [(3, 3), (3, 3), (1, 1)]
    x = tf.constant(RNG.normal(size=(2, 4, 6, 3)), tf.float32)
    up = lambda x: tf.repeat(tf.repeat(x, 2, 1), 2, 2)  # noqa: E731
    y = convolved(up(tf.nn.relu(normalize(x))), one)
    y = convolved(tf.nn.relu(normalize(y)), two)
    np.testing.assert_allclose(net(x), y + convolved(up(x), short), rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("first, halved, filters", [(True, True, 5), (False, True, 3), (False, False, 3)])
def test_a_residual_block_down_is_the_paper_s(first, halved, filters, large):
    x = keras.Input((4, 6, 3))
    net = keras.Model(x, networks.residual_down(x, filters, first=first, halved=halved, normalization=None))
    convolutions = with_random_weights(net)
    assert len(convolutions) == (3 if halved else 2)
    x = tf.constant(RNG.normal(size=(2, 4, 6, 3)), tf.float32)
    made = net(x)
    y = convolved(x if first else tf.nn.relu(x), convolutions[0])
    y = convolved(tf.nn.relu(y), convolutions[1])
    if halved:
        x = convolved(x, convolutions[2])
        x, y = (tf.nn.avg_pool2d(maps, 2, 2, "VALID") for maps in (x, y))
    np.testing.assert_allclose(made, x + y, rtol=1e-4, atol=1e-4)


def test_the_projection_is_of_one_vector_a_class():
    phi, one_hot = keras.Input((4,)), keras.Input((3,))
    net = keras.Model([phi, one_hot], networks.projection(phi, one_hot))
    x = tf.constant(RNG.normal(size=(3, 4)), tf.float32)
    embed = net.get_layer("embed")
    v = embed.layer.kernel / embed.sigma()
    (f,) = (layer for layer in net.layers if isinstance(layer, SpectralNormalization) and layer is not embed)
    np.testing.assert_allclose(net([x, tf.eye(3)]), f(x) + tf.reduce_sum(v * x, 1)[:, None], atol=1e-5)
    assert len({id(layer.u) for layer in (f, embed)}) == 2 and net.output.dtype == "float32"


@pytest.mark.parametrize(
    "shape, count", [((128, 128, 3), 5), ((28, 28, 1), 2), ((24, 48, 1), 2), ((7, 7, 1), 0), ((8, 9, 1), 0)]
)
def test_how_often_sides_can_be_halved(shape, count):
    assert networks.halvings(shape) == count


class Members:
    """What an `Ensemble` needs of a model; its members make their own number of any x (n, 1)."""

    def __init__(self, values):
        values = iter(values)
        self.ensemble = networks.Ensemble(self, "member", 3, lambda: self.member(next(values)))

    def member(self, value):
        return lambda x, training: tf.stack([value + 0 * x, x], axis=2)

    def network(self, name, training):
        return getattr(self, name)


def test_a_row_of_an_ensemble_is_of_one_member_by_their_shares():
    x, u = tf.reshape(tf.range(5.0), (5, 1)), tf.constant([0.1, 0.19, 0.21, 0.69, 0.71])
    ensemble = Members([1.0, np.inf, 3.0]).ensemble
    assert ensemble.names == ["member_1", "member_2", "member_3"]
    got = ensemble.mixed(x, u, [0.2, 0.5, 0.3])
    np.testing.assert_array_equal(got[:, 0, 0], [1, 1, np.inf, np.inf, 3])
    np.testing.assert_array_equal(got[:, 0, 1], x[:, 0])
    assert len(ensemble.outputs(x)) == 3 and ensemble[2] is ensemble.model.member_3
    np.testing.assert_array_equal(ensemble.mixed(x, u, [1.0])[:, 0, 0], 1.0)


def test_sizes_twice_and_half():
    x = IMAGES[:, :2, :2]
    np.testing.assert_allclose(networks.down(x)[:, 0, 0], tf.reduce_mean(x, axis=(1, 2)), atol=1e-6)
    np.testing.assert_allclose(networks.up(x), np.kron(x, np.ones((1, 2, 2, 1))))
    np.testing.assert_allclose(
        networks.smooth_up(x)[:, 0, 1], 0.75 * x[:, 0, 0] + 0.25 * x[:, 0, 1], atol=1e-6
    )
