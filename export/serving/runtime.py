"""The MLServer runtime of a signature."""

import asyncio
from pathlib import Path

import numpy as np
from mlserver import MLModel
from mlserver.errors import InferenceError
from mlserver.types import InferenceResponse, ResponseOutput, TensorData
from mlserver.utils import get_model_uri

from .function import function
from .inputs import DATATYPES, Inputs, Refused, of_rows
from .queue import Queue


class Runtime(MLModel):
    """One signature as a model.

    In model-settings.json `parameters.uri` is its file, and `parameters.extra` has "name" and
    "signature" as in the manifest, "max_n", the most rows of a request, and "max_pixels" of images whose
    size is free. A request is checked before it meets others in a batch; one that is refused gets the status
    400 with one line.
    """

    async def load(self):
        told = self.settings.parameters.extra
        signature, max_n = told["signature"], told["max_n"]
        self._inputs = Inputs(signature, max_n, told["max_pixels"])
        self._outputs = {output["name"]: output for output in signature["outputs"]}
        path = Path(await get_model_uri(self.settings))
        run = await asyncio.to_thread(function, path, told["name"])
        self._queue = Queue(run, max_n if of_rows(signature) else None)
        return True

    async def unload(self):
        self._queue.close()
        return True

    async def predict(self, payload):
        """Outputs as lists, or as bytes where the first input came as bytes."""
        given = [
            (one.name, one.datatype, one.shape, getattr(one.data, "root", one.data)) for one in payload.inputs
        ]
        wanted = [output.name for output in payload.outputs or []] or list(self._outputs)
        try:
            if not set(wanted) <= set(self._outputs):
                raise Refused(f"the outputs are {', '.join(self._outputs)}; received {str(wanted)[:80]}")
            arrays = self._inputs.arrays(given)
        except Refused as error:
            raise InferenceError(str(error)) from None
        results = await self._queue(arrays)
        raw = isinstance(given[0][3], bytes)
        return InferenceResponse(
            model_name=self.name,
            model_version=self.version,
            outputs=[self._output(name, results[name], raw) for name in wanted],
        )

    def _output(self, name, array, raw):
        dtype = self._outputs[name]["dtype"]
        data = np.ascontiguousarray(array, np.dtype(dtype).newbyteorder("<")).tobytes() if raw else array
        return ResponseOutput.model_construct(
            name=name,
            shape=list(array.shape),
            datatype=DATATYPES[dtype],
            data=TensorData.model_construct(data if raw else array.ravel().tolist()),
        )
