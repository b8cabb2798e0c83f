"""Shorten a script without editing it: fewer epochs, fewer steps an epoch.

Predictions are left whole: what a script does with them depends on their number.
"""

import inspect
from typing import Any, Callable, Dict, List, Optional, Tuple

DEFAULT_BATCH = 32
ARRAYS = ("x", "y", "sample_weight")


class Caps:
    """At most ``epochs`` epochs a fit and ``steps`` batches an epoch; None is no cap."""

    def __init__(self, epochs: Optional[int], steps: Optional[int]) -> None:
        self.epochs = epochs
        self.steps = steps

    @property
    def batches(self) -> Optional[int]:
        """The most calls on single batches from one place: as many batches as a capped fit has."""
        return None if self.steps is None else self.steps * (self.epochs or 1)

    def apply(
        self,
        function: Callable[..., Any],
        kind: str,
        args: Tuple[Any, ...],
        kwargs: Dict[str, Any],
    ) -> Tuple[Tuple[Any, ...], Dict[str, Any]]:
        """Return the arguments of a ``fit`` or ``evaluate``, capped."""
        given = Arguments(function, args, kwargs)
        if kind == "fit" and self.epochs is not None:
            self._cap_epochs(given, self.epochs)
        if self.steps is not None and kind in ("fit", "evaluate"):
            self._cap_steps(given, self.steps)
        return tuple(given.args), given.kwargs

    @staticmethod
    def _cap_epochs(given: "Arguments", most: int) -> None:
        # Keras 1's name for it is still taken by the generator methods of Keras 2.
        name = "nb_epoch" if "nb_epoch" in given.kwargs else "epochs"
        first = given.get("initial_epoch") or 0
        given.set(name, min(given.get(name) or 1, first + most))

    @staticmethod
    def _cap_steps(given: "Arguments", most: int) -> None:
        rows = most * (given.get("batch_size") or DEFAULT_BATCH)
        for steps, data in (("steps_per_epoch", "x"), ("steps", "x")):
            if not given.takes(steps):
                continue
            asked = given.get(steps)
            if asked is not None:
                given.set(steps, min(asked, most))
            elif given.takes(data) and is_arrays(given.get(data)):
                for name in ARRAYS:
                    if given.takes(name) and given.get(name) is not None:
                        given.set(name, first_rows(given.get(name), rows))
            else:
                given.set(steps, most)
        validation = given.get("validation_data") if given.takes("validation_data") else None
        if isinstance(validation, (tuple, list)):
            given.set("validation_data", tuple(first_rows(part, rows) for part in validation))
        elif validation is not None and given.takes("validation_steps"):
            given.set("validation_steps", min(given.get("validation_steps") or most, most))


class Arguments:
    """The arguments of a call of a method, by name, whichever way they were given."""

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
        """Tell whether the method has such a parameter."""
        return name in self._places

    def get(self, name: str) -> Any:
        """Return an argument, or its default."""
        if name in self.kwargs:
            return self.kwargs[name]
        place = self._places.get(name, len(self.args))
        return self.args[place] if place < len(self.args) else self._defaults.get(name)

    def set(self, name: str, value: Any) -> None:
        """Replace an argument where it was given, or give it by name."""
        place = self._places.get(name, len(self.args))
        if name not in self.kwargs and place < len(self.args):
            self.args[place] = value
        else:
            self.kwargs[name] = value


def is_arrays(value: Any) -> bool:
    """Tell whether this is an array, or a list or dict of arrays."""
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
