"""The format "openvino": NAME.xml and NAME.bin for each signature, run on OpenVINO's CPU.

They are made of the ONNX file, or of the TensorFlow function where OpenVINO cannot read that file,
as its loops. OpenVINO's CPU is silently wrong where integers need all of their bits (2026.4: uint32
shifts right with its sign and becomes a negative int64; int64 is calculated in 32 bits). So what
draws its noise from a seed gives other numbers there, and is refused.
"""

import numpy as np

from export.formats.saved import imported, saved
from tfgen.export import golden

REQUIRED = False
BOUND = golden.BOUND
PACKAGES = ("tensorflow", "keras", "onnx", "openvino")
OPTIONS = {"INFERENCE_PRECISION_HINT": "f32"}  # CPUs that can would calculate in bfloat16 else


def write(signatures, folder):
    openvino = imported("openvino")
    folder.mkdir()
    refused = {}
    for signature in signatures:
        try:
            model = _converted(openvino, signature, folder.parent / "onnx" / f"{signature.name}.onnx")
            openvino.Core().compile_model(model, "CPU", OPTIONS)
        except Exception as error:  # its own have no common class
            refused[signature.name] = f"OpenVINO cannot run it: {_reason(str(error))}"
        else:
            openvino.save_model(model, _file(folder, signature.name), compress_to_fp16=False)
    return refused


def differences(folder, cases):
    """{signature: largest difference from its cases}, run on OpenVINO's CPU."""
    return {name: _difference(_file(folder, name), some) for name, some in cases.items()}


def remove(folder, signature):
    for suffix in (".xml", ".bin"):
        _file(folder, signature).with_suffix(suffix).unlink()


def _file(folder, signature):
    return folder / f"{signature}.xml"


def _converted(openvino, signature, path):
    """OpenVINO's model, whose outputs have their names and order."""
    model = _read(openvino, signature, path)
    ports = {name: port for port in model.outputs for name in port.names}
    results = [ports[output["name"]].get_node() for output in signature.outputs]
    model = openvino.Model(results, model.get_parameters(), signature.name)
    for port, output in zip(model.outputs, signature.outputs):
        port.set_names({output["name"]})
    return model


def _read(openvino, signature, path):
    if path.exists():
        try:
            return openvino.convert_model(path)
        except openvino.frontend.OpConversionFailure:
            pass
    with saved(signature) as folder:
        return openvino.convert_model(folder)


def _reason(error):
    """Of an error's many lines the one that tells: what was not converted, or which check failed."""
    lines = [line.strip() for line in error.splitlines() if line.strip()]
    found = [
        line.removeprefix("-- ").split(" at src/")[0] for line in lines if line.startswith(("-- ", "Check "))
    ]
    return (found or lines)[0]


def _difference(path, cases):
    openvino = imported("openvino")
    try:
        compiled = openvino.Core().compile_model(path, "CPU", OPTIONS)
        return max(_of_case(compiled, case) for case in cases)
    except RuntimeError:
        return float("inf")


def _of_case(compiled, case):
    # It needs arrays that are writable.
    results = compiled({name: np.array(array) for name, array in case.inputs.items()})
    return golden.difference(dict(zip(case.outputs, results.values())), case.outputs)
