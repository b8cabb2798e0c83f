"""A model as nodes, one for each application of a layer; nested models are graphs of their own.

The nodes come from Keras's own records (``Node`` in keras/engine/base_layer.py, tag 2.3.1).
"""

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ..masks import INNER

Port = Tuple[str, int]
"""The key of a node, and the index of one of its outputs."""


Call = Tuple[Any, List[Any], List[Any]]
"""A layer, its inputs and its outputs."""


class Node:
    """One application of a layer, ``within`` a graph.

    ``inner`` is the graph of a model that is used as a layer.
    """

    def __init__(self, key: str, layer: Any, inputs: List[Any], outputs: List[Any]) -> None:
        self.key = key
        self.layer = layer
        self.inputs = inputs
        self.outputs = outputs
        self.feeds: List[Port] = []
        self.inner: Optional["Graph"] = None
        self.within: Optional["Graph"] = None


class Graph:
    """The nodes of a model, each after all nodes that feed it.

    ``inputs`` are the model's input tensors, ``prefix`` is the beginning of its nodes' keys. Keras
    has no record of the layers of a subclassed model; its nodes come from ``calls``.
    """

    def __init__(self, network: Any, prefix: str = "", calls: Sequence[Call] = ()) -> None:
        self.network = network
        self.prefix = prefix
        self.inputs = list(network.inputs)
        self.nodes: List[Node] = []
        if not is_graph(network):
            self._add_calls(calls)
            return
        keys: Dict[int, str] = {}
        counts: Dict[str, int] = {}
        for record in _in_order(network):
            layer = record.outbound_layer
            name = str(layer.name)
            counts[name] = counts.get(name, 0) + 1
            numbered = name if counts[name] == 1 else "%s#%d" % (name, counts[name])
            keys[id(record)] = prefix + numbered
            node = Node(
                prefix + numbered, layer, list(record.input_tensors), list(record.output_tensors)
            )
            origins = zip(record.inbound_layers, record.node_indices, record.tensor_indices)
            node.feeds = [
                (keys[id(source._inbound_nodes[index])], int(tensor))
                for source, index, tensor in origins
            ]
            node.within = self
            if is_graph(layer):
                node.inner = Graph(layer, prefix + numbered + "/")
            self.nodes.append(node)

    def _add_calls(self, calls: Sequence[Call]) -> None:
        network = self.network
        ports: List[Tuple[Any, Port]] = []
        for index, tensor in enumerate(self.inputs):
            self._add_entry("%s.input%s" % (network.name, index or ""), tensor, ports)
        counts: Dict[str, int] = {}
        for layer, inputs, outputs in calls:
            if not any(layer is other for other in network.layers):
                continue
            name = str(layer.name)
            counts[name] = counts.get(name, 0) + 1
            key = name if counts[name] == 1 else "%s#%d" % (name, counts[name])
            for index, tensor in enumerate(inputs):
                if _port(tensor, ports) is None:
                    # The model's own code computes it, between two layers.
                    self._add_entry("%s.input%s" % (key, index or ""), tensor, ports)
            node = Node(key, layer, inputs, outputs)
            node.feeds = [port for port in (_port(tensor, ports) for tensor in inputs) if port]
            node.within = self
            self.nodes.append(node)
            ports += [(tensor, (key, index)) for index, tensor in enumerate(outputs)]
        if any(_port(tensor, ports) is None for tensor in network.outputs):
            # What the model's code makes of its layers' outputs counts as the model's output.
            last, port = ports[-1]
            node = Node(str(network.name), network, [last], list(network.outputs))
            node.feeds = [port]
            node.within = self
            self.nodes.append(node)

    def _add_entry(self, key: str, tensor: Any, ports: List[Tuple[Any, Port]]) -> None:
        self.nodes.append(Node(key, None, [], [tensor]))
        ports.append((tensor, (key, 0)))

    def entries(self) -> List[Node]:
        """Return the nodes that no other node feeds: those of input layers."""
        return [node for node in self.nodes if not node.feeds]

    def all(self) -> Iterator[Node]:
        """Yield all nodes; those of an inner graph come before the node that holds it."""
        for node in self.nodes:
            if node.inner is not None:
                yield from node.inner.all()
            yield node


def listed(tensors: Any) -> List[Any]:
    """Return a tensor, or several, as a list."""
    return list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]


def _port(tensor: Any, ports: Sequence[Tuple[Any, Port]]) -> Optional[Port]:
    return next((port for other, port in ports if other is tensor), None)


def is_graph(layer: Any) -> bool:
    """Tell whether a layer is a model whose layers Keras has recorded."""
    return bool(getattr(layer, "_is_graph_network", False)) and hasattr(layer, "_nodes_by_depth")


def _in_order(network: Any) -> Iterator[Any]:
    for depth in sorted(network._nodes_by_depth, reverse=True):
        yield from network._nodes_by_depth[depth]


def parts(layer: Any) -> Iterator[Any]:
    """Yield a layer and all its inner layers, each once."""
    seen: List[Any] = []
    pending = [layer]
    while pending:
        part = pending.pop(0)
        if any(part is other for other in seen):
            continue
        seen.append(part)
        yield part
        for name in ("layers", *INNER):
            inner = getattr(part, name, None)
            if isinstance(inner, (list, tuple)):
                pending += inner
            elif inner is not None and hasattr(inner, "get_config"):
                pending.append(inner)
