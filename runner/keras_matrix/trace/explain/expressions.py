"""Write a model's parts as expressions: layers, losses, optimizers, arrays."""

import keyword
import re
import textwrap
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy

from keras_matrix.trace.dump import Array, Source
from keras_matrix.trace.explain import slicing

INLINE = 48
"""Numbers that are written into a script; more go into a file beside it."""
WRAPPERS = ("TimeDistributed", "Bidirectional", "RNN", "ConvRNN2D")
ALWAYS = ("name", "trainable", "dtype", "batch_input_shape", "input_dtype")
GIVEN = ("_constraint", "_initializer", "_regularizer", "activation")
"""Settings of a layer that may be functions or classes of the script's own."""
DEFAULTS: dict[str, Any] = {
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
USUAL_INITIALIZERS = ("Zeros", "Ones", "VarianceScaling", "Orthogonal")


@dataclass
class Parts:
    """What a script is made of, as far as it is known."""

    imports: set[tuple[str, str]] = field(default_factory=set)
    own: list[str] = field(default_factory=list)
    beside: dict[str, Array] = field(default_factory=dict)

    def array(self, name: str, value: Array) -> str:
        """Return an expression for an array; a large one goes into the file."""
        if value.size and not value.any():
            return f"np.zeros({value.shape}, dtype='{value.dtype}')"
        if value.size <= INLINE:
            text = numpy.array2string(
                value, separator=", ", floatmode="unique", threshold=INLINE + 1
            )
            numbers = re.sub(r"(?<=\[) | (?=[],])", "", re.sub(r"\s+", " ", text))
            numbers = re.sub(r"(?<![\w.])(nan|inf)\b", r"np.\1", numbers)
            return "\n    ".join(textwrap.wrap(f"np.array({numbers}, dtype='{value.dtype}')", 92))
        self.beside[name] = value
        return f"data['{name}']"


class NotPossibleError(Exception):
    """The finding cannot be shown by a layer alone."""


def identifier(name: Any) -> str:
    """Return a name that comes from a container, if it is one: it goes into a script.

    Raises:
        NotPossibleError: it is none.
    """
    if not isinstance(name, str) or not name.isidentifier() or keyword.iskeyword(name):
        raise NotPossibleError
    return name


def layer(
    kind: str,
    config: Mapping[str, Any],
    source: Source | None,
    code: str,
    script: str,
    parts: Parts,
) -> str:
    """Return the expression that makes a layer."""
    identifier(kind)
    if kind == "Lambda":
        if source is None or source.file != script:
            raise NotPossibleError
        text = slicing.function_at(code, source.line)
        if text is None:
            raise NotPossibleError
        _take(text, code, parts)
        parts.imports.add(("keras.layers", "Lambda"))
        more = {k: config[k] for k in ("arguments",) if config.get(k)}
        shape = config.get("output_shape")
        if isinstance(shape, list):
            more["output_shape"] = tuple(shape)
        return f"Lambda({', '.join([text, *([arguments(more)] if more else [])])})"
    if source is not None:
        taken(kind, code, {"source": {"file": source.file}}, script, parts)
    else:
        parts.imports.add(("keras.layers", kind))
    kept = {
        name: _of_script(value, code, parts) if name.endswith(GIVEN) else value
        for name, value in config.items()
        if name not in ALWAYS
    }
    if kind in WRAPPERS:
        return f"{kind}.from_config({_literal(kept)})"
    return f"{kind}({arguments({k: v for k, v in kept.items() if not _usual(k, v)})})"


class _Name(str):
    """A name of the script's own, which is written as it is."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def _of_script(value: Any, code: str, parts: Parts) -> Any:
    """Return what stands for a constraint, or the like, that the script defines by itself."""
    named = value.get("class_name") if isinstance(value, Mapping) else value
    if not isinstance(named, str) or not named.isidentifier() or not slicing.defines(code, named):
        return value
    _take(named, code, parts)
    if isinstance(value, Mapping):
        return _Name(f"{named}({arguments(value.get('config') or {})})")
    return _Name(named)


def _usual(name: str, value: Any) -> bool:
    if value is None or (name in DEFAULTS and DEFAULTS[name] == value):
        return True
    if name == "dilation_rate" and value in ([1], [1, 1, 1]):
        return True
    return (
        name.endswith("_initializer")
        and isinstance(value, Mapping)
        and value.get("class_name") in USUAL_INITIALIZERS
        and not (value.get("class_name") == "Ones" and name == "kernel_initializer")
    )


def arguments(config: Mapping[str, Any]) -> str:
    """Return a configuration as keyword arguments.

    Raises:
        NotPossibleError: a name in it is none.
    """
    for name in config:
        identifier(name)
    return ", ".join(f"{name}={_literal(value)}" for name, value in config.items())


def _literal(value: Any) -> str:
    return repr(plain(value))


def plain(value: Any) -> Any:
    """Return a value of a configuration as one would write it."""
    if isinstance(value, float):
        # A float32 told with all digits of a float64.
        return float(f"{value:.7g}")
    if isinstance(value, list):
        return tuple(plain(item) for item in value)
    if isinstance(value, Mapping):
        return {name: plain(item) for name, item in value.items()}
    return value


def taken(name: str, code: str, given: Mapping[str, Any], script: str, parts: Parts) -> str:
    """Take a definition of the script's own along; return its name."""
    source = given.get("source")
    if not isinstance(source, Mapping) or source.get("file") != script:
        raise NotPossibleError
    if name == "<lambda>":
        line = source.get("line")
        text = slicing.function_at(code, line) if isinstance(line, int) else None
        if text is None:
            raise NotPossibleError
        _take(text, code, parts)
        return text
    _take(identifier(name), code, parts)
    return name


def _take(expression: str, code: str, parts: Parts) -> None:
    text = slicing.needed(code, expression)
    if text is None:
        raise NotPossibleError
    if text and text not in parts.own:
        parts.own.append(text)
