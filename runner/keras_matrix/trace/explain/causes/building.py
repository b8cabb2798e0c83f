"""Causes in what a backend supports and builds: shapes, indices, depth, options. Pure."""

from keras_matrix.trace.explain.cause import TENSORFLOW, THEANO, Cause, Counterfactual
from keras_matrix.trace.explain.causes.padding import listed
from keras_matrix.trace.explain.causes.sources import BOTH_BACKEND_FILES, THEANO_BACKEND_FILE
from keras_matrix.trace.explain.edits import Edit, Insert, Place
from keras_matrix.trace.explain.situation import Situation
from keras_matrix.trace.finding import INFERRED_SHAPE, FindingKind

RECURRENT_LAYERS = ("SimpleRNN", "GRU", "LSTM")


def _shape_on_tensorflow(situation: Situation) -> tuple[int | None, ...]:
    """Return the shape of the layer's output, without the samples, as TensorFlow infers it."""
    on_reference = situation.stack.backend == TENSORFLOW
    capture = situation.capture if on_reference else situation.other
    node = capture.node(situation.finding.where)
    return tuple(node.output_shapes[0][1:]) if node is not None else ()


def _given_shape(situation: Situation) -> list[Edit]:
    shape = _shape_on_tensorflow(situation)
    return [Insert(Place.MODEL, f"layer._output_shape = {shape}")] if shape else []


def _has_negative_index(situation: Situation) -> bool | None:
    return bool((situation.inputs[0] < 0).any()) if situation.inputs else None


def _left_out_on_theano(situation: Situation) -> bool:
    return f"0.0 on {situation.image_of(THEANO)}" in situation.finding.what


CAUSES = (
    Cause(
        text="Theano walks graphs recursively: a model this deep needs "
        "sys.setrecursionlimit(10000) before it is trained.",
        source="theano/gof/graph.py and theano/gradient.py, tag rel-1.0.4",
        kinds=(FindingKind.BUILD,),
        message="RecursionError",
        failing=THEANO,
    ),
    Cause(
        text="Without output_shape, Keras on Theano assumes that a Lambda's output has the shape "
        "of its input; give the Lambda its output_shape.",
        source="Lambda.compute_output_shape in keras/layers/core.py, tag 2.3.1",
        kinds=(FindingKind.BUILD, FindingKind.SHAPE),
        layers=("Lambda",),
        settings={"output_shape": None},
        what=INFERRED_SHAPE,
        counterfactual=Counterfactual(
            lambda situation: f"output_shape={_shape_on_tensorflow(situation)}", _given_shape
        ),
    ),
    Cause(
        text="An index below 0 is an error on TensorFlow; Theano counts it from the end.",
        source="gather in " + BOTH_BACKEND_FILES,
        kinds=(FindingKind.BUILD,),
        layers=("Embedding",),
        message=r"indices\[.*is not in \[",
        failing=TENSORFLOW,
        holds=_has_negative_index,
        counterfactual=Counterfactual(
            "indices from 0 up", lambda _: [Insert(Place.INPUTS, "x = np.maximum(x, 0)")]
        ),
    ),
    Cause(
        text="Keras on Theano has no dropout in recurrent layers; it warns and leaves it out.",
        source="__init__ of SimpleRNN, GRU and LSTM in keras/layers/recurrent.py, tag 2.3.1",
        kinds=(FindingKind.FORWARD,),
        layers=RECURRENT_LAYERS,
        what="^(recurrent_)?dropout is ",
        holds=_left_out_on_theano,
    ),
    Cause(
        text="TensorFlow has no convolution that both strides and dilates.",
        source="_get_strides_and_dilation_rate in tensorflow/python/ops/nn_ops.py, tag v1.14.0",
        kinds=(FindingKind.BUILD,),
        message="strides > 1 not supported in conjunction with dilation_rate > 1",
        failing=TENSORFLOW,
        counterfactual=Counterfactual(
            "a dilation rate of 1",
            lambda situation: [
                Insert(
                    Place.MODEL,
                    "layer.dilation_rate = "
                    f"{tuple(1 for _ in listed(situation.config['dilation_rate']))}",
                )
            ],
        ),
    ),
    Cause(
        text="TensorFlow's depthwise convolution supports equal strides only.",
        source="tensorflow/core/kernels/depthwise_conv_op.cc, tag v1.14.0",
        kinds=(FindingKind.BUILD,),
        message="only supports equal length strides",
        failing=TENSORFLOW,
        counterfactual=Counterfactual(
            "equal strides",
            lambda situation: [
                Insert(
                    Place.MODEL,
                    f"layer.strides = {tuple([max(listed(situation.config['strides']))] * 2)}",
                )
            ],
        ),
    ),
    Cause(
        text="On Theano, Keras supports bilinear upsampling by a factor of 2 only.",
        source="resize_images in " + THEANO_BACKEND_FILE,
        kinds=(FindingKind.BUILD,),
        layers=("UpSampling2D",),
        settings={"interpolation": "bilinear"},
        message="Bilinear upscaling with factors other than",
        failing=THEANO,
        holds=lambda situation: listed(situation.config["size"], 2) != [2, 2],
        counterfactual=Counterfactual(
            "size=(2, 2)", lambda _: [Insert(Place.MODEL, "layer.size = (2, 2)")]
        ),
    ),
    Cause(
        text="On Theano, causal padding needs an input of known length.",
        source="temporal_padding in " + THEANO_BACKEND_FILE,
        kinds=(FindingKind.BUILD,),
        layers=("Conv1D",),
        settings={"padding": "causal"},
        message="unsupported operand type.*NoneType",
        failing=THEANO,
        holds=lambda situation: situation.finding.input_shapes[0][1] is None,
        counterfactual=Counterfactual(
            "inputs of a given length",
            lambda _: [Insert(Place.MODEL, "inputs = Input(shape=x.shape[1:])")],
        ),
    ),
)
