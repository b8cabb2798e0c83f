"""Write a candidate as a script that runs by itself, with larger arrays beside it. Pure."""

import keyword
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from keras_matrix.text import one_line
from keras_matrix.trace.dump import Port
from keras_matrix.trace.explain.expressions import (
    NoMinimalScriptError,
    ScriptParts,
    layer_expression,
    serialized_expression,
)
from keras_matrix.trace.explain.minimal import FORGED_MODEL_ERRORS, WrittenScript
from keras_matrix.trace.explain.slicing import defines_name
from keras_matrix.trace.explain.weights import TURNING_FUNCTION, turned_kernels
from keras_matrix.trace.reduce.model import (
    Candidate,
    InputTensor,
    WrittenLayer,
    input_name,
    samples_name,
    target_name,
    weight_name,
)
from keras_matrix.trace.reduce.whole import NotWritableError

CROPPING_FUNCTION = """\
def set_weights(layer, weights):  # as much of them as the layer has place for
    sizes = [tuple(map(slice, K.int_shape(weight))) for weight in layer.weights]
    layer.set_weights([weight[size] for weight, size in zip(weights, sizes)])
"""
MEAN_LOSS = "lambda y, p: K.mean(p)"


@dataclass(frozen=True)
class TracedScript:
    """The traced script: its text, and its file name."""

    code: str
    file: str


def write(candidate: Candidate, origin: TracedScript, title: str, data_file: str) -> WrittenScript:
    """Write a candidate; ``data_file`` is the name of the file for larger arrays.

    Raises:
        NotWritableError: a layer, loss or optimizer needs code that cannot be taken over.
    """
    return _Script(candidate, origin).write(title, data_file)


class _Script:
    """One script while it is written."""

    def __init__(self, candidate: Candidate, origin: TracedScript) -> None:
        self._model = candidate.model
        self._arrays = candidate.arrays
        self._samples = candidate.samples
        self._origin = origin
        self._parts = ScriptParts()
        self._parts.imports |= {("keras.layers", "Input"), ("keras.models", "Model")}
        self._names: dict[str, str] = {}

    def write(self, title: str, data_file: str) -> WrittenScript:
        model, parts = self._model, self._parts
        expressions = {layer.name: self._layer(layer) for layer in model.layers}
        compiled = self._compiled()
        reserved = set(re.findall(r"\w+", "\n".join(parts.definitions)))
        reserved |= {name for _, name in parts.imports}
        self._name_variables(reserved)
        data, fitted = self._data()
        weights = list(self._weights())
        inputs = _listed([self._names[tensor.key] for tensor in model.inputs])
        outputs = _listed([self._tensor(output.port) for output in model.outputs])
        fit = f"{fitted}, batch_size={self._samples}, epochs={model.epochs}"
        lines = [
            f"# {one_line(title)}",
            "import numpy as np",
            *parts.import_lines(),
            *parts.definitions,
            "",
            *([f"data = np.load({data_file!r})"] if parts.data else []),
            *data,
            *self._graph(expressions),
            f"model = Model({inputs}, {outputs})",
            *weights,
            f"model.compile({compiled})",
            f"model.fit({fit}, shuffle=False, verbose=0)",
        ]
        return WrittenScript("\n".join(lines) + "\n", parts.packed_data())

    def _layer(self, layer: WrittenLayer) -> str:
        code, file = self._origin.code, self._origin.file
        try:
            return layer_expression(
                *(layer.kind, layer.config, layer.source, code, file, self._parts), layer.name
            )
        except (NoMinimalScriptError, *FORGED_MODEL_ERRORS):
            raise NotWritableError(
                f"{one_line(layer.name)} ({one_line(layer.kind)}) needs code that cannot be taken "
                "out of the script"
            ) from None

    def _compiled(self) -> str:
        model, parts, origin = self._model, self._parts, self._origin
        losses = []
        try:
            optimizer = "'sgd'"
            if model.optimizer is not None:
                optimizer = serialized_expression(
                    *(model.optimizer, "keras.optimizers", origin.code, origin.file, parts)
                )
            for output in model.outputs:
                if output.loss is None:
                    parts.imports.add(("keras", "backend as K"))
                    losses.append(MEAN_LOSS)
                else:
                    losses.append(
                        serialized_expression(
                            *(output.loss, "keras.losses", origin.code, origin.file, parts)
                        )
                    )
            metrics = f", metrics=[{self._metric()}]" if model.metric else ""
        except (NoMinimalScriptError, *FORGED_MODEL_ERRORS):
            raise NotWritableError(
                "the loss, the optimizer or a metric needs code that cannot be taken out of the "
                "script"
            ) from None
        return f"{optimizer}, {_listed(losses)}{metrics}"

    def _metric(self) -> str:
        metric = self._model.metric
        if not defines_name(self._origin.code, metric):
            return repr(metric)
        self._parts.include(metric, self._origin.code)
        return metric

    def _name_variables(self, reserved: set[str]) -> None:
        taken = {*reserved, "np", "data", "model", "x", "y", "Model", "Input"}

        def add(key: str, wanted: str) -> None:
            name = re.sub(r"\W", "_", wanted)
            if not name.isidentifier() or keyword.iskeyword(name):
                name = f"t_{name}"
            while name in taken:
                name += "_"
            taken.add(name)
            self._names[key] = name

        for tensor in self._model.inputs:
            add(tensor.key, tensor.key)
        for layer in self._model.layers:
            if self._is_shared(layer):
                add(f"layer {layer.name}", f"{layer.name}_layer")
        for call in self._model.calls:
            add(call.key, call.key)

    def _is_shared(self, layer: WrittenLayer) -> bool:
        return sum(call.layer == layer.name for call in self._model.calls) > 1

    def _tensor(self, place: Port) -> str:
        key, index = place
        several = any(call.key == key and call.outputs > 1 for call in self._model.calls)
        return f"{self._names[key]}[{index}]" if several else self._names[key]

    def _graph(self, expressions: Mapping[str, str]) -> Iterator[str]:
        model = self._model
        stateful = any(layer.config.get("stateful") is True for layer in model.layers)
        for tensor in model.inputs:
            yield f"{self._names[tensor.key]} = {self._input(tensor, stateful)}"
        for layer in model.layers:
            if self._is_shared(layer):
                yield f"{self._names[f'layer {layer.name}']} = {expressions[layer.name]}"
        for call in model.calls:
            shared = self._names.get(f"layer {call.layer}")
            feeds = _listed([self._tensor(feed) for feed in call.feeds])
            yield f"{self._names[call.key]} = {shared or expressions[call.layer]}({feeds})"

    def _input(self, tensor: InputTensor, stateful: bool) -> str:
        sizes = tuple(tensor.shape)
        shape = f"batch_shape={(self._samples, *sizes)}" if stateful else f"shape={sizes}"
        dtype = f", dtype={tensor.dtype!r}" if tensor.dtype != "float32" else ""
        return f"Input({shape}, name={tensor.key!r}{dtype})"

    def _data(self) -> tuple[list[str], str]:
        """Return the statements that make inputs and targets, and what ``fit`` is given of them."""
        model = self._model
        inputs = {input_name(tensor.key): self._zeros(2) for tensor in model.inputs}
        lines = [self._assigned("x", inputs)]
        if all(output.loss is None for output in model.outputs):
            lines.append(f"y = {_listed([self._zeros(o.dimensions) for o in model.outputs])}")
        else:
            targets = {target_name(o.port): self._zeros(o.dimensions) for o in model.outputs}
            lines.append(self._assigned("y", targets))
        weighted = [samples_name(output.port) for output in model.outputs]
        if not any(name in self._arrays for name in weighted):
            return lines, "x, y"
        values = [
            self._parts.array_expression(name, self._arrays[name].array)
            if name in self._arrays
            else f"np.ones({self._samples})"
            for name in weighted
        ]
        return lines, f"x, y, sample_weight={_listed(values)}"

    def _zeros(self, dimensions: int) -> str:
        return f"np.zeros({(self._samples, *[1] * (dimensions - 1))})"

    def _assigned(self, variable: str, otherwise: Mapping[str, str]) -> str:
        """Return the arrays of these names, with another expression for those there are not."""
        expressions = []
        for name, expression in otherwise.items():
            label = variable if len(otherwise) == 1 else name
            if name in self._arrays:
                array = self._arrays[name].array
                expressions.append(self._parts.array_expression(label, array))
            else:
                expressions.append(expression)
        return f"{variable} = {_listed(expressions)}"

    def _weights(self) -> Iterator[str]:
        for layer in self._model.layers:
            names = [weight_name(layer.name, weight) for weight in layer.weights]
            if not names or any(name not in self._arrays for name in names):
                continue
            turned = turned_kernels(layer.kind, layer.config) if layer.own else ()
            expressions = []
            for weight, name in zip(layer.weights, names, strict=True):
                array = self._arrays[name].array
                expression = self._parts.array_expression(f"{layer.name}/{weight}", array)
                if array.ndim > 2 and weight.partition("#")[0] in turned:
                    self._include(TURNING_FUNCTION)
                    expression = f"for_backend({expression})"
                expressions.append(expression)
            values = f"[{', '.join(expressions)}]"
            place = f"model.get_layer({layer.name!r})"
            if self._model.cropped:
                self._include(CROPPING_FUNCTION)
                yield f"set_weights({place}, {values})"
            else:
                yield f"{place}.set_weights({values})"

    def _include(self, function: str) -> None:
        self._parts.imports.add(("keras", "backend as K"))
        self._parts.include_text(function)


def _listed(expressions: Sequence[str]) -> str:
    """Return expressions as one: in a list unless there is only one."""
    return expressions[0] if len(expressions) == 1 else f"[{', '.join(expressions)}]"
