"""Metrics get the names that Keras 3 dropped when it made a list of them."""

from typing import Any

from keras_matrix_probe.keras3.metrics import MetricNames


class Model:
    """Lists metrics as Keras's own ``Trainer`` does: those of ``compile`` first, others sorted."""

    first: tuple[str, ...] = ("loss", "mae")

    def _flatten_metrics_in_order(self, logs: dict[str, Any]) -> Any:
        names = [name for name in self.first if name in logs]
        values = [logs[name] for name in names + sorted(set(logs) - set(names))]
        return values if len(values) > 1 else values[0]


class Other(Model):
    first = ("loss",)


def test_lists_are_named_for_each_model_and_after_other_calls() -> None:
    names = MetricNames()
    names.install(Model)
    one, other = Model(), Other()
    values = one._flatten_metrics_in_order({"mae": 2.0, "extra": 3.0, "loss": 1.0})
    alone = other._flatten_metrics_in_order({"loss": 5.0})
    assert names.named(one, values) == {"loss": 1.0, "mae": 2.0, "extra": 3.0}
    assert names.named(other, alone) == {"loss": 5.0}
    assert names.named(one, {"loss": 4.0, "text": "x"}) == {"loss": 4.0}


def test_values_that_are_one_object_keep_their_names() -> None:
    names = MetricNames()
    names.install(Model)
    model, zero = Model(), 0.0
    values = model._flatten_metrics_in_order({"loss": zero, "mae": zero})
    assert names.named(model, values) == {"loss": 0.0, "mae": 0.0}


def test_a_step_of_the_scripts_own_returns_the_loss() -> None:
    assert MetricNames().named(Model(), 0.25) == {"loss": 0.25}
