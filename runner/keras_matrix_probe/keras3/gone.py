"""What Keras 2 had and Keras 3 has no more, with its replacement.

The names are those of Keras 2.3.1 that Keras 3.15.1 lacks, as compared by importing both.
"""

import re
from typing import Dict, Tuple

from ..failures import chain, message

METHODS: Dict[str, str] = {
    "fit_generator": "fit, which takes generators",
    "evaluate_generator": "evaluate, which takes generators",
    "predict_generator": "predict, which takes generators",
    "predict_classes": "predict, then numpy.argmax or a comparison with 0.5",
    "predict_proba": "predict",
}
"""Methods of models, which an ``AttributeError`` names."""

MODULES: Dict[str, str] = {
    "keras.layers.core": "keras.layers",
    "keras.layers.convolutional": "keras.layers",
    "keras.layers.pooling": "keras.layers",
    "keras.layers.recurrent": "keras.layers",
    "keras.layers.merge": "keras.layers",
    "keras.layers.normalization": "keras.layers",
    "keras.layers.advanced_activations": "keras.layers",
    "keras.layers.embeddings": "keras.layers",
    "keras.layers.local": "layers of your own",
    "keras.layers.noise": "keras.layers",
    "keras.layers.wrappers": "keras.layers",
    "keras.layers.convolutional_recurrent": "keras.layers",
    "keras.layers.cudnn_recurrent": "keras.layers.LSTM and GRU",
    "keras.engine": "keras.layers.Layer and keras.Model",
    "keras.objectives": "keras.losses",
    "keras.utils.np_utils": "keras.utils",
    "keras.utils.generic_utils": "keras.utils",
    "keras.utils.vis_utils": "keras.utils",
    "keras.utils.training_utils": "keras.distribution",
    "keras.preprocessing.text": "keras.layers.TextVectorization",
    "keras.wrappers.scikit_learn": "keras.wrappers.SKLearnClassifier and SKLearnRegressor",
}
"""Modules, which a failed import names."""

NAMES: Dict[str, str] = {
    "np_utils": "the functions of keras.utils",
    "multi_gpu_model": "keras.distribution",
    "ImageDataGenerator": "keras.utils.image_dataset_from_directory and preprocessing layers",
    "Tokenizer": "keras.layers.TextVectorization",
    "text": "keras.layers.TextVectorization",
    "KerasClassifier": "keras.wrappers.SKLearnClassifier",
    "KerasRegressor": "keras.wrappers.SKLearnRegressor",
    "CuDNNLSTM": "keras.layers.LSTM",
    "CuDNNGRU": "keras.layers.GRU",
    "LocallyConnected1D": "a layer of your own",
    "LocallyConnected2D": "a layer of your own",
    "ThresholdedReLU": "a layer of your own",
    "AtrousConvolution2D": "keras.layers.Conv2D with dilation_rate",
    "logcosh": "log_cosh",
    "kullback_leibler_divergence": "kl_divergence",
    "cosine_proximity": "cosine_similarity, with the other sign",
}
"""Names of other modules, which a failed import or an ``AttributeError`` names."""

ARGUMENTS: Dict[str, str] = {
    "lr": "learning_rate",
    "decay": "a schedule of keras.optimizers.schedules as learning_rate",
    "workers": "the argument of keras.utils.PyDataset",
    "use_multiprocessing": "the argument of keras.utils.PyDataset",
    "max_queue_size": "the argument max_queue_size of keras.utils.PyDataset",
    "nb_epoch": "epochs",
    "init": "kernel_initializer",
    "batch_input_shape": "keras.Input(batch_shape=...)",
    "weights": "set_weights once the layer is built",
}
"""Arguments, which a ``TypeError`` or a ``ValueError`` names."""

BACKEND_REPLACEMENT = "keras.ops"
"""What has the functions that ``keras.backend`` had."""

_ATTRIBUTE = re.compile(r"has no attribute '(\w+)'")
_IMPORTED = re.compile(r"cannot import name '(\w+)' from '(keras[\w.]*)'")
_ARGUMENT = re.compile(r"unexpected keyword argument '(\w+)'")
_UNRECOGNIZED = re.compile(
    r"(?:Argument\(s\) not recognized|Unrecognized keyword arguments[^{]*): \{'(\w+)'"
)
_UNKNOWN_NAME = re.compile(
    r"(?:Could not interpret (?:loss|metric)[^:]*|Unknown (?:loss|metric)[^:]*): '?(\w+)'?"
)


def explain(failure: BaseException, version: str) -> str:
    """Return a sentence on what a failed script uses that Keras 3 has no more; empty for others."""
    for link in chain(failure):
        name, replacement = _find(link)
        if name:
            return "the script uses %s, which Keras %s has no more: use %s" % (
                name,
                version,
                replacement,
            )
    return ""


def _find(failure: BaseException) -> Tuple[str, str]:
    text = message(failure)
    if isinstance(failure, ImportError):
        imported = _IMPORTED.search(text)
        if imported is not None and imported[2].startswith("keras.backend"):
            return "keras.backend.%s" % imported[1], BACKEND_REPLACEMENT
        if imported is not None and imported[1] in NAMES:
            return "%s of %s" % (imported[1], imported[2]), NAMES[imported[1]]
        module = str(failure.name)
        for gone, replacement in MODULES.items():
            if module == gone or module.startswith(gone + "."):
                return "the module %s" % gone, replacement
        return "", ""
    if isinstance(failure, AttributeError):
        attribute = _ATTRIBUTE.search(text)
        name = attribute[1] if attribute is not None else ""
        if "module 'keras" in text and ".backend'" in text:
            return "keras.backend.%s" % name, BACKEND_REPLACEMENT
        if "module 'keras" in text:
            return (name, NAMES[name]) if name in NAMES else ("", "")
        return ("the method %s" % name, METHODS[name]) if name in METHODS else ("", "")
    if isinstance(failure, (TypeError, ValueError)) and _by_keras(failure, text):
        argument = _ARGUMENT.search(text) or _UNRECOGNIZED.search(text)
        if argument is not None and argument[1] in ARGUMENTS:
            return "the argument %s" % argument[1], ARGUMENTS[argument[1]]
        unknown = _UNKNOWN_NAME.search(text)
        if unknown is not None and unknown[1] in NAMES:
            return unknown[1], NAMES[unknown[1]]
    return "", ""


def _by_keras(failure: BaseException, text: str) -> bool:
    """Tell whether Keras raised a failure, or Python for a call of a trainer's method."""
    frame = failure.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    module = "" if frame is None else str(frame.tb_frame.f_globals.get("__name__", ""))
    return module.split(".")[0] == "keras" or "Trainer." in text
