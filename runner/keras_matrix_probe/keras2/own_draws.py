"""What a backend draws by itself although first weights are paired, and which calls depend on it.

Layers of Keras draw masks and noise through ``keras.backend``, within ``in_train_phase``, so that
only training draws them (keras/layers/core.py, noise.py and recurrent.py, tag 2.3.1). What is
drawn outside of it is drawn in every call.
"""

from typing import Any, Callable

Function = Callable[..., Any]

TRAINING_KINDS = ("fit", "train_on_batch")


class OwnDraws:
    """Watches the functions that draw, and tells which calls on models depend on them.

    ``always`` is whether every call draws from now on, ``training`` whether those that train do. A
    call depends on draws if it draws, or if a call before it did: weights carry them on.
    ``learning_phase`` is the function of ``keras.backend``.
    """

    def __init__(self, learning_phase: Callable[[], Any]) -> None:
        self._learning_phase = learning_phase
        self.always = False
        self.training = False
        self._reached = False
        self._within_training = 0

    def reach(self, kind: str) -> bool:
        """Return whether a call of that kind, which has just ended, depends on such draws."""
        drew = self.always or (self.training and kind in TRAINING_KINDS)
        self._reached = self._reached or drew
        return self._reached

    def dropout(self, original: Function) -> Function:
        """Watch ``dropout``, which draws unless its level is 0."""

        def call(x: Any, level: Any, *args: Any, **kwargs: Any) -> Any:
            self._draw(level)
            return original(x, level, *args, **kwargs)

        return call

    def drawing(self, original: Function) -> Function:
        """Watch another function that draws; without spread, it draws nothing that matters."""

        def call(*args: Any, **kwargs: Any) -> Any:
            self._draw(kwargs.get("stddev", 1))
            return original(*args, **kwargs)

        return call

    def in_train_phase(self, original: Function) -> Function:
        """Watch the function that computes its first argument in the training phase only."""

        def call(x: Any, alt: Any, training: Any = None) -> Any:
            phase = self._learning_phase() if training is None else training
            if isinstance(phase, (bool, int)):
                # The phase is fixed: what is drawn now is drawn whatever the call.
                return original(x, alt, training=training)
            self._within_training += 1
            try:
                return original(x, alt, training=training)
            finally:
                self._within_training -= 1

        return call

    def _draw(self, amount: Any) -> None:
        if isinstance(amount, (int, float)) and amount == 0:
            return
        if self._within_training:
            self.training = True
        else:
            self.always = True
