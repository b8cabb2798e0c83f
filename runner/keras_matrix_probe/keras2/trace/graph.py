"""A model as nodes: one for each time that a layer is applied, nested models opened.

By Keras's own records of them (``Node`` in keras/engine/base_layer.py, tag 2.3.1).
"""

from typing import Any, Dict, Iterator, List, Optional, Sequence, Tuple

from ..masks import INNER

Port = Tuple[str, int]
"""A node's key, and which of its outputs."""


Call = Tuple[Any, List[Any], List[Any]]
"""A layer, its inputs and its outputs."""


class Node:
    """A layer applied once, ``within`` a graph.

    ``inner`` is the graph of a model that serves as a layer.
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
    """The nodes of a model, each after all that feed it.

    ``inputs`` are the model's input tensors, ``prefix`` what the keys of its nodes begin with. A
    subclassed model has no record of its layers; it is made of ``calls`` of them.
    """

    def __init__(self, network: Any, prefix: str = "", calls: Sequence[Call] = ()) -> None:
        self.network = network
        self.prefix = prefix
        self.inputs = list(network.inputs)
        self.nodes: List[Node] = []
        if not is_graph(network):
            self._of_calls(calls)
            return
        keys: Dict[int, str] = {}
        counts: Dict[str, int] = {}
        for found in _in_order(network):
            layer = found.outbound_layer
            name = str(layer.name)
            counts[name] = counts.get(name, 0) + 1
            numbered = name if counts[name] == 1 else "%s#%d" % (name, counts[name])
            keys[id(found)] = prefix + numbered
            node = Node(
                prefix + numbered, layer, list(found.input_tensors), list(found.output_tensors)
            )
            origins = zip(found.inbound_layers, found.node_indices, found.tensor_indices)
            node.feeds = [
                (keys[id(source._inbound_nodes[index])], int(tensor))
                for source, index, tensor in origins
            ]
            node.within = self
            if is_graph(layer):
                node.inner = Graph(layer, prefix + numbered + "/")
            self.nodes.append(node)

    def _of_calls(self, calls: Sequence[Call]) -> None:
        network = self.network
        ports: List[Tuple[Any, Port]] = []
        for index, tensor in enumerate(self.inputs):
            self._entry("%s.input%s" % (network.name, index or ""), tensor, ports)
        counts: Dict[str, int] = {}
        for layer, inputs, outputs in calls:
            if not any(layer is one for one in network.layers):
                continue
            name = str(layer.name)
            counts[name] = counts.get(name, 0) + 1
            key = name if counts[name] == 1 else "%s#%d" % (name, counts[name])
            for index, tensor in enumerate(inputs):
                if _port(tensor, ports) is None:
                    # Computed by the model's own code, between two layers.
                    self._entry("%s.input%s" % (key, index or ""), tensor, ports)
            node = Node(key, layer, inputs, outputs)
            node.feeds = [port for port in (_port(one, ports) for one in inputs) if port]
            node.within = self
            self.nodes.append(node)
            ports += [(tensor, (key, index)) for index, tensor in enumerate(outputs)]
        if any(_port(tensor, ports) is None for tensor in network.outputs):
            # What its code makes of its layers' outputs is told as the model's own.
            last, port = ports[-1]
            node = Node(str(network.name), network, [last], list(network.outputs))
            node.feeds = [port]
            node.within = self
            self.nodes.append(node)

    def _entry(self, key: str, tensor: Any, ports: List[Tuple[Any, Port]]) -> None:
        self.nodes.append(Node(key, None, [], [tensor]))
        ports.append((tensor, (key, 0)))

    def entries(self) -> List[Node]:
        """Return the nodes that nothing feeds: those of input layers."""
        return [node for node in self.nodes if not node.feeds]

    def all(self) -> Iterator[Node]:
        """Yield the nodes, those of inner graphs before the node that holds them."""
        for node in self.nodes:
            if node.inner is not None:
                yield from node.inner.all()
            yield node


def listed(tensors: Any) -> List[Any]:
    """Return a tensor, or several, as a list."""
    return list(tensors) if isinstance(tensors, (list, tuple)) else [tensors]


def _port(tensor: Any, ports: Sequence[Tuple[Any, Port]]) -> Optional[Port]:
    return next((port for one, port in ports if one is tensor), None)


def is_graph(layer: Any) -> bool:
    """Tell whether a layer is a model whose layers Keras has on record."""
    return bool(getattr(layer, "_is_graph_network", False)) and hasattr(layer, "_nodes_by_depth")


def _in_order(network: Any) -> Iterator[Any]:
    for depth in sorted(network._nodes_by_depth, reverse=True):
        yield from network._nodes_by_depth[depth]


def parts(layer: Any) -> Iterator[Any]:
    """Yield a layer and all that it is made of, each once."""
    seen: List[Any] = []
    pending = [layer]
    while pending:
        part = pending.pop(0)
        if any(part is one for one in seen):
            continue
        seen.append(part)
        yield part
        for name in ("layers", *INNER):
            inner = getattr(part, name, None)
            if isinstance(inner, (list, tuple)):
                pending += inner
            elif inner is not None and hasattr(inner, "get_config"):
                pending.append(inner)
