"""Shorten a script without editing it: fewer epochs, fewer steps an epoch.

Predictions are not shortened: what a script does with them depends on their number.
"""

import inspect
from typing import Any, Callable, Dict, List, Optional, Tuple

DEFAULT_BATCH_SIZE = 32
ARRAY_ARGUMENTS = ("x", "y", "sample_weight")
"""Arguments with a row for each sample."""


class Caps:
    """The most epochs of a fit and the most batches of an epoch; None is no cap."""

    def __init__(self, epochs: Optional[int], steps: Optional[int]) -> None:
        self.epochs = epochs
        self.steps = steps

    @property
    def batches(self) -> Optional[int]:
        """The most calls on single batches from one line: as many as a capped fit has batches."""
        return None if self.steps is None else self.steps * (self.epochs or 1)

    def apply(
        self,
        function: Callable[..., Any],
        kind: str,
        args: Tuple[Any, ...],
        kwargs: Dict[str, Any],
    ) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
        """Cap the arguments of a ``fit`` or ``evaluate``; return them."""
        arguments = Arguments(function, args, kwargs)
        if kind == "fit" and self.epochs is not None:
            self._cap_epochs(arguments, self.epochs)
        if self.steps is not None and kind in ("fit", "evaluate"):
            self._cap_steps(arguments, self.steps)
        return tuple(arguments.args), arguments.kwargs

    @staticmethod
    def _cap_epochs(arguments: "Arguments", cap: int) -> None:
        # The generator methods of Keras 2 still accept Keras 1's name.
        name = "nb_epoch" if "nb_epoch" in arguments.kwargs else "epochs"
        first = arguments.get("initial_epoch") or 0
        arguments.set(name, min(arguments.get(name) or 1, first + cap))

    @staticmethod
    def _cap_steps(arguments: "Arguments", cap: int) -> None:
        rows = cap * (arguments.get("batch_size") or DEFAULT_BATCH_SIZE)
        for steps, data in (("steps_per_epoch", "x"), ("steps", "x")):
            if not arguments.takes(steps):
                continue
            requested = arguments.get(steps)
            if requested is not None:
                arguments.set(steps, min(requested, cap))
            elif arguments.takes(data) and is_arrays(arguments.get(data)):
                for name in ARRAY_ARGUMENTS:
                    if arguments.takes(name) and arguments.get(name) is not None:
                        arguments.set(name, first_rows(arguments.get(name), rows))
            else:
                arguments.set(steps, cap)
        validation = (
            arguments.get("validation_data") if arguments.takes("validation_data") else None
        )
        if isinstance(validation, (tuple, list)):
            arguments.set("validation_data", tuple(first_rows(part, rows) for part in validation))
        elif validation is not None and arguments.takes("validation_steps"):
            arguments.set("validation_steps", min(arguments.get("validation_steps") or cap, cap))


class Arguments:
    """The arguments of a method's call by name, whether they were passed by position or by name."""

    def __init__(
        self, function: Callable[..., Any], args: Tuple[Any, ...], kwargs: Dict[str, Any]
    ) -> None:
        parameters = list(inspect.signature(function).parameters.values())[1:]
        self._places = {parameter.name: place for place, parameter in enumerate(parameters)}
        self._defaults = {
            parameter.name: None if parameter.default is parameter.empty else parameter.default
            for parameter in parameters
        }
        self.args: List[Any] = list(args)
        self.kwargs = dict(kwargs)

    def takes(self, name: str) -> bool:
        """Tell whether the method has a parameter of that name."""
        return name in self._places

    def get(self, name: str) -> Any:
        """Return an argument, or its default."""
        if name in self.kwargs:
            return self.kwargs[name]
        place = self._places.get(name, len(self.args))
        return self.args[place] if place < len(self.args) else self._defaults.get(name)

    def set(self, name: str, value: Any) -> None:
        """Replace an argument where it was passed, or pass it by name."""
        place = self._places.get(name, len(self.args))
        if name not in self.kwargs and place < len(self.args):
            self.args[place] = value
        else:
            self.kwargs[name] = value


def is_arrays(value: Any) -> bool:
    """Tell whether a value is an array, or a list or dict of arrays."""
    if isinstance(value, dict):
        return all(is_arrays(part) for part in value.values())
    if isinstance(value, (list, tuple)):
        return all(hasattr(part, "shape") for part in value)
    return hasattr(value, "shape") and hasattr(value, "__getitem__")


def first_rows(value: Any, rows: int) -> Any:
    """Return the first rows of an array, or of each array of a list or dict."""
    if isinstance(value, dict):
        return {key: first_rows(part, rows) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [first_rows(part, rows) for part in value]
    return value[:rows] if hasattr(value, "shape") else value
