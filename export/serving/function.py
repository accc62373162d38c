"""A signature as a function."""


def function(path, name):
    """{name: array} -> {name: array}, of the ONNX file or the SavedModel at `path`, on the CPU.

    Args:
        path: a `Path`; an ONNX file ends in .onnx and has one signature.
        name: the signature's.
    """
    if path.suffix == ".onnx":
        import onnxruntime

        options = onnxruntime.SessionOptions()
        # Threads that wait must not take the processor from the server's event loop.
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        session = onnxruntime.InferenceSession(path, options, providers=["CPUExecutionProvider"])
        outputs = [output.name for output in session.get_outputs()]
        return lambda arrays: dict(zip(outputs, session.run(outputs, arrays)))
    import tensorflow as tf

    loaded = tf.saved_model.load(str(path))

    def call(arrays):  # which keeps `loaded`, whose variables these are
        results = loaded.signatures[name](**{key: tf.constant(array) for key, array in arrays.items()})
        return {key: tensor.numpy() for key, tensor in results.items()}

    return call
