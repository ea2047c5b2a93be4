"""A run's graph, to events and back."""

from __future__ import annotations

from collections.abc import Iterator

from google.protobuf import text_format
from tensorboard.compat.proto.attr_value_pb2 import AttrValue
from tensorboard.compat.proto.config_pb2 import RunMetadata
from tensorboard.compat.proto.event_pb2 import Event
from tensorboard.compat.proto.graph_pb2 import GraphDef
from tensorboard.compat.proto.node_def_pb2 import NodeDef
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.compat.proto.tensor_shape_pb2 import TensorShapeProto
from tensorboard.plugins.graph.graph_util import merge_graph_defs

from tbgrad.records import GraphNode, GraphRecord

# The attribute from which TensorBoard takes what flows along an edge.
_OUTPUT_SHAPES = "_output_shapes"


def encode_graph(record: GraphRecord) -> Iterator[bytes]:
    """The serialized event of a graph."""
    graph = GraphDef(node=[_encoded(node) for node in record.nodes])
    yield Event(wall_time=record.wall_time, graph_def=graph.SerializeToString()).SerializeToString()


def decode_graph(event: Event) -> GraphRecord:
    """The graph of an event that has one.

    Raises:
      DecodeError: what it holds is no graph.
    """
    nodes = GraphDef.FromString(event.graph_def).node
    return GraphRecord([_decoded(node) for node in nodes], event.wall_time)


def decode_trace(event: Event, value: Summary.Value) -> GraphRecord:
    """The graph of a traced function, which is kept under a tag; several are put beside each other.

    Raises:
      DecodeError: what it holds is no trace.
    """
    trace = RunMetadata.FromString(value.tensor.string_val[0])
    merged = merge_graph_defs([function.pre_optimization_graph for function in trace.function_graphs])
    return GraphRecord([_decoded(node) for node in merged.node], event.wall_time)


def _encoded(node: GraphNode) -> NodeDef:
    attributes = {name: AttrValue(s=text.encode()) for name, text in node.attributes.items()}
    if node.shape is not None:
        shape = TensorShapeProto(dim=[TensorShapeProto.Dim(size=size) for size in node.shape])
        attributes[_OUTPUT_SHAPES] = AttrValue(list=AttrValue.ListValue(shape=[shape]))
    return NodeDef(name=node.name, op=node.operation, input=node.inputs, attr=attributes)


def _decoded(node: NodeDef) -> GraphNode:
    shapes = node.attr[_OUTPUT_SHAPES].list.shape if _OUTPUT_SHAPES in node.attr else ()
    one = len(shapes) == 1 and not shapes[0].unknown_rank
    shape = tuple(dimension.size for dimension in shapes[0].dim) if one else None
    kept = [name for name in sorted(node.attr) if not (one and name == _OUTPUT_SHAPES)]
    return GraphNode(node.name, node.op, tuple(node.input), {name: _attribute(node.attr[name]) for name in kept}, shape)


def _attribute(attribute: AttrValue) -> str:
    if attribute.WhichOneof("value") == "s":
        return attribute.s.decode(errors="replace")
    return text_format.MessageToString(attribute, as_one_line=True)
