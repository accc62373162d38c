"""Formats of an artifact beside SavedModel and ONNX, as `tfgen.export.write` takes them.

    DIR/litert/NAME.tflite          LiteRT, with its built-in operations alone
    DIR/openvino/NAME.xml, .bin     OpenVINO's own
    DIR/onnx_fp16/NAME.onnx         DIR/onnx/NAME.onnx with its weights in half precision
    DIR/onnx_int8/NAME.onnx         or in 8 bits

None is required: the manifest says which signatures a format cannot have, and why.
"""

from . import litert, openvino, precision

FORMATS = {
    "litert": litert,
    "openvino": openvino,
    "onnx_fp16": precision.FP16,
    "onnx_int8": precision.INT8,
}
