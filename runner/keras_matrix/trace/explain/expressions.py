"""Write a model's parts as Python expressions: layers, losses, optimizers, arrays. Pure."""

import io
import keyword
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy

from keras_matrix.trace.dump import Array, SourceLocation
from keras_matrix.trace.explain import slicing

MAX_INLINE_NUMBERS = 48
"""The most numbers of an array that a script contains; a larger array goes into a data file."""
WRAPPER_LAYERS = ("TimeDistributed", "Bidirectional", "RNN", "ConvRNN2D")
"""Layers whose configuration contains another layer's."""
OMITTED_SETTINGS = ("name", "trainable", "dtype", "batch_input_shape", "input_dtype")
SETTINGS_WITH_CODE = ("_constraint", "_initializer", "_regularizer", "activation")
"""Ends of the names of settings that may be functions or classes that the script defines."""
DEFAULT_SETTINGS: dict[str, Any] = {
    "use_bias": True,
    "data_format": "channels_last",
    "activation": "linear",
    "recurrent_activation": "sigmoid",
    "dilation_rate": [1, 1],
    "implementation": 2,
    "center": True,
    "scale": True,
    "depth_multiplier": 1,
    "unit_forget_bias": True,
    **dict.fromkeys(("return_state", "go_backwards", "stateful", "unroll", "mask_zero"), False),
    **dict.fromkeys(("dropout", "recurrent_dropout"), 0.0),
}
LAMBDA = "<lambda>"
"""The name of every function without a name."""
DEFAULT_INITIALIZERS = ("Zeros", "Ones", "VarianceScaling", "Orthogonal")


class NoMinimalScriptError(Exception):
    """Raised where no script with one layer can show a finding."""


@dataclass
class ScriptParts:
    """The parts of a minimal script, collected while its expressions are written.

    ``imports`` are modules and names, ``definitions`` statements of the traced script, ``data`` the
    arrays for the file beside the script.
    """

    imports: set[tuple[str, str]] = field(default_factory=set)
    definitions: list[str] = field(default_factory=list)
    data: dict[str, Array] = field(default_factory=dict)

    def array_expression(self, name: str, array: Array) -> str:
        """Return an expression for an array; put a large array into the data file."""
        if array.size and not array.any():
            return f"np.zeros({array.shape}, dtype='{array.dtype}')"
        if array.size <= MAX_INLINE_NUMBERS:
            text = numpy.array2string(
                array, separator=", ", floatmode="unique", threshold=MAX_INLINE_NUMBERS + 1
            )
            numbers = re.sub(r"(?<=\[) | (?=[],])", "", re.sub(r"\s+", " ", text))
            numbers = re.sub(r"(?<![\w.])(nan|inf)\b", r"np.\1", numbers)
            return "\n    ".join(textwrap.wrap(f"np.array({numbers}, dtype='{array.dtype}')", 92))
        self.data[name] = array
        return f"data['{name}']"

    def include(self, expression: str, code: str) -> None:
        """Include the statements of the traced script that an expression needs.

        Raises:
            NoMinimalScriptError: they cannot be extracted from the script.
        """
        statements = slicing.needed_statements(code, expression)
        if statements is None:
            raise NoMinimalScriptError
        if statements:
            self.include_text(statements)

    def include_text(self, statements: str) -> None:
        """Include statements that the script needs, once."""
        if statements not in self.definitions:
            self.definitions.append(statements)

    def import_lines(self) -> list[str]:
        """Return the import statements, a line for each module."""
        names_by_module: dict[str, list[str]] = {}
        for module, name in self.imports:
            names_by_module.setdefault(module, []).append(name)
        return [
            f"from {module} import {', '.join(sorted(names))}"
            for module, names in sorted(names_by_module.items())
        ]

    def packed_data(self) -> bytes:
        """Return the content of the ``.npz`` file beside the script, empty if it needs none."""
        file = io.BytesIO()
        if self.data:
            arrays: dict[str, Any] = {**self.data}
            numpy.savez_compressed(file, **arrays)
        return file.getvalue()


def checked_identifier(name: Any) -> str:
    """Return a name from a container if it is an identifier, as it becomes part of a script.

    Raises:
        NoMinimalScriptError: it is not an identifier.
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise NoMinimalScriptError
    return name


def layer_expression(
    kind: str,
    config: Mapping[str, Any],
    source: SourceLocation | None,
    code: str,
    script: str,
    parts: ScriptParts,
    name: str = "",
) -> str:
    """Return the expression that makes a layer of class ``kind``.

    ``code`` is the traced script's text, ``script`` its file name. With a ``name`` the layer is
    called so, and is as trainable as it was.

    Raises:
        NoMinimalScriptError: the layer needs code that cannot be extracted from the script.
    """
    checked_identifier(kind)
    named: dict[str, Any] = {"name": name} if name else {}
    if name and config.get("trainable") is False:
        named["trainable"] = False
    if kind == "Lambda":
        return _lambda_expression(config, source, code, script, parts, named)
    if source is not None:
        include_definition(kind, code, {"source": {"file": source.file}}, script, parts)
    else:
        parts.imports.add(("keras.layers", kind))
    settings = {
        name: _defined_by_script(value, code, parts) if name.endswith(SETTINGS_WITH_CODE) else value
        for name, value in config.items()
        if name not in OMITTED_SETTINGS
    }
    if kind in WRAPPER_LAYERS:
        return f"{kind}.from_config({_literal({**settings, **named})})"
    unusual = {name: value for name, value in settings.items() if not _is_default(name, value)}
    return f"{kind}({keyword_arguments({**unusual, **named})})"


def _lambda_expression(
    config: Mapping[str, Any],
    source: SourceLocation | None,
    code: str,
    script: str,
    parts: ScriptParts,
    named: Mapping[str, Any],
) -> str:
    if source is None or source.file != script:
        raise NoMinimalScriptError
    function = slicing.function_at(code, source.line)
    if function is None:
        raise NoMinimalScriptError
    parts.include(function, code)
    parts.imports.add(("keras.layers", "Lambda"))
    settings = {"arguments": config["arguments"]} if config.get("arguments") else {}
    shape = config.get("output_shape")
    if isinstance(shape, list):
        settings["output_shape"] = tuple(shape)
    settings.update(named)
    return f"Lambda({', '.join([function, *([keyword_arguments(settings)] if settings else [])])})"


class _VerbatimName(str):
    """A name that the script defines, written without quotes."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _defined_by_script(value: Any, code: str, parts: ScriptParts) -> Any:
    """Replace a setting by the expression for it if the script defines its function or class."""
    name = value.get("class_name") if isinstance(value, Mapping) else value
    if name == LAMBDA:
        # Where it is in the script is not known.
        raise NoMinimalScriptError
    if not isinstance(name, str) or not name.isidentifier():
        return value
    if not slicing.defines_name(code, name):
        return value
    parts.include(name, code)
    if isinstance(value, Mapping):
        return _VerbatimName(f"{name}({keyword_arguments(value.get('config') or {})})")
    return _VerbatimName(name)


def _is_default(name: str, value: Any) -> bool:
    if value is None or (name in DEFAULT_SETTINGS and DEFAULT_SETTINGS[name] == value):
        return True
    if name == "dilation_rate" and value in ([1], [1, 1, 1]):
        return True
    return (
        name.endswith("_initializer")
        and isinstance(value, Mapping)
        and value.get("class_name") in DEFAULT_INITIALIZERS
        and not (value.get("class_name") == "Ones" and name == "kernel_initializer")
    )


def keyword_arguments(config: Mapping[str, Any]) -> str:
    """Return a configuration as keyword arguments.

    Raises:
        NoMinimalScriptError: a name in it is not an identifier.
    """
    for name in config:
        checked_identifier(name)
    return ", ".join(f"{name}={_literal(value)}" for name, value in config.items())


def _literal(value: Any) -> str:
    return repr(plain_value(value))


def plain_value(value: Any) -> Any:
    """Return a value of a configuration as a person would write it."""
    if isinstance(value, float):
        # A float32 that was written with all digits of a float64.
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return tuple(plain_value(item) for item in value)
    if isinstance(value, Mapping):
        return {name: plain_value(item) for name, item in value.items()}
    return value


def include_definition(
    name: str, code: str, serialized: Mapping[str, Any], script: str, parts: ScriptParts
) -> str:
    """Include a function or class that the script defines; return the expression for it.

    ``serialized`` says where it was defined, as the probe wrote it.

    Raises:
        NoMinimalScriptError: it is not in the script, or cannot be extracted from it.
    """
    source = serialized.get("source")
    if not isinstance(source, Mapping) or source.get("file") != script:
        raise NoMinimalScriptError
    if name == LAMBDA:
        line = source.get("line")
        function = slicing.function_at(code, line) if isinstance(line, int) else None
        if function is None:
            raise NoMinimalScriptError
        parts.include(function, code)
        return function
    parts.include(checked_identifier(name), code)
    return name


def serialized_expression(
    serialized: Any, module: str, code: str, script: str, parts: ScriptParts
) -> str:
    """Return the expression for a loss or optimizer of a module of Keras, as the probe wrote it.

    Raises:
        NoMinimalScriptError: it needs code that cannot be extracted from the script.
    """
    if isinstance(serialized, str):
        return repr(serialized)
    if not isinstance(serialized, Mapping):
        raise NoMinimalScriptError
    if "function" in serialized:
        function = serialized["function"]
        if serialized.get("own"):
            return repr(function)
        return include_definition(function, code, serialized, script, parts)
    kind = checked_identifier(serialized["kind"])
    config = {
        name: plain_value(value)
        for name, value in (serialized.get("config") or {}).items()
        if value is not None and name not in ("name", "reduction")
    }
    if serialized.get("own"):
        parts.imports.add((module, kind))
    else:
        include_definition(kind, code, serialized, script, parts)
    return f"{kind}({keyword_arguments(config)})"
