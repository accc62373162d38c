"""The format "openvino": NAME.xml and NAME.bin for each signature, run on OpenVINO's CPU.

They are made of the ONNX file, or of the TensorFlow function where OpenVINO cannot read that file,
as its loops. OpenVINO's CPU is silently wrong where integers need all of their bits (2026.4: uint32
shifts right with its sign and becomes a negative int64; int64 is calculated in 32 bits). So what
draws its noise from a seed gives other numbers there, and is refused.
"""

from tfgen.export import golden

from ..runtimes import RUNTIMES, packed, run, unpacked
from .saved import imported, saved

REQUIRED = False
BOUND = golden.BOUND
PACKAGES = ("tensorflow", "keras", "onnx", "openvino")
OPTIONS = {"INFERENCE_PRECISION_HINT": "f32"}  # CPUs that can would calculate in bfloat16 else
LIMIT = 300  # seconds that a signature may take to be compiled and run


def write(signatures, folder):
    openvino = imported("openvino")
    folder.mkdir()
    refused = {}
    for signature in signatures:
        try:
            model = _converted(openvino, signature, folder.parent / "onnx" / f"{signature.name}.onnx")
        except Exception as error:  # its own have no common class
            refused[signature.name] = f"OpenVINO cannot read it: {_reason(str(error))}"
        else:
            openvino.save_model(model, _file(folder, signature.name), compress_to_fp16=False)
    cases = {one.name: one.cases[1:2] for one in signatures if one.name not in refused}
    for name, answer in _run(folder, cases).items():
        if "error" in answer:
            refused[name] = f"OpenVINO cannot run it: {_reason(answer['error'])}"
            remove(folder, name)
    return refused


def differences(folder, cases):
    """{signature: largest difference from its cases}, run on OpenVINO's CPU."""
    return {name: _difference(answer, cases[name]) for name, answer in _run(folder, cases).items()}


def _run(folder, cases):
    """{signature: answer} of a process of its own, for some graphs end it."""
    jobs = [
        {
            "path": str(_file(folder, name).resolve()),
            "signature": name,
            "inputs": [[packed(*item) for item in case.inputs.items()] for case in some],
            "outputs": [*some[0].outputs],
        }
        for name, some in cases.items()
    ]
    answers, _ = run(RUNTIMES["openvino-ir"].command(), jobs, LIMIT)
    return dict(zip(cases, answers))


def _difference(answer, cases):
    if "error" in answer:
        return float("inf")
    return max(
        case.difference({tensor["name"]: unpacked(tensor) for tensor in tensors})
        for tensors, case in zip(answer["outputs"], cases)
    )


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
