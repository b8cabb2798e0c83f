"""Which layers a value, and which a gradient, passes through. Pure."""

from collections.abc import Callable, Iterable

from keras_matrix.trace.dump import Capture, Port


class Dataflow:
    """The graph of a model's nodes; those of a nested model lie between its inputs and itself."""

    def __init__(self, capture: Capture) -> None:
        self._feeds: dict[str, list[Port]] = {node.key: [*node.feeds] for node in capture.nodes}
        taken = {key for node in capture.nodes for key, _ in node.feeds}
        for node in capture.nodes:
            holder = node.key.rpartition("/")[0]
            if holder not in self._feeds:
                continue
            if not node.feeds:
                self._feeds[node.key] += _recorded_feeds(capture, holder)
            if node.key not in taken:
                self._feeds[holder] += [(node.key, index) for index in range(node.outputs)]
        self._consumers: dict[str, list[str]] = {key: [] for key in self._feeds}
        for key, feeds in self._feeds.items():
            for source, _ in feeds:
                if source in self._consumers:
                    self._consumers[source].append(key)

    def feeds(self, key: str) -> list[Port]:
        """Return the outputs that a node takes."""
        return self._feeds.get(key, [])

    def forwards(self, starts: Iterable[str], differs: Callable[[str], bool]) -> set[str]:
        """Return some nodes and all that a difference of them arrives at.

        ``differs`` tells whether a node's output does; where it does not, nothing passes on.
        """
        return _spread(starts, lambda key: filter(differs, self._consumers.get(key, [])))

    def backwards(self, ports: Iterable[Port], differs: Callable[[Port], bool]) -> set[str]:
        """Return the nodes that a difference of the gradients by some outputs arrives at.

        ``differs`` tells whether the gradient by an output does.
        """
        return _spread(
            (key for key, index in ports if differs((key, index))),
            lambda key: (port[0] for port in self.feeds(key) if differs(port)),
        )

    def before(self, keys: Iterable[str]) -> set[str]:
        """Return some nodes and all that feed them, directly or through others."""
        return _spread(keys, lambda key: (source for source, _ in self.feeds(key)))


def _recorded_feeds(capture: Capture, key: str) -> list[Port]:
    """Return the outputs that a node takes by Keras's own record."""
    node = capture.node(key)
    return [*node.feeds] if node is not None else []


def _spread(starts: Iterable[str], further: Callable[[str], Iterable[str]]) -> set[str]:
    reached: set[str] = set()
    pending = [*starts]
    while pending:
        key = pending.pop()
        if key not in reached:
            reached.add(key)
            pending += further(key)
    return reached
