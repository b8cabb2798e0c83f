"""Theano 1.0: graphs, compiled to C modules that are kept in its ``compiledir``."""

from typing import TYPE_CHECKING, Any, Dict, List, Sequence

from .base import Backend, Gradients

if TYPE_CHECKING:
    from ..process.compiled import CompileClock

OPTIONS = (
    "device",
    "floatX",
    "mode",
    "optimizer",
    "linker",
    "openmp",
    "cxx",
    "blas.ldflags",
    "gcc.cxxflags",
    "compiledir",
)
"""Options of ``theano.config`` that figures or times may depend on."""
MANY_OUTPUTS = 64
"""Outputs of a function from which on its results are not written in each other's place."""


class Theano(Backend):
    """Theano under Keras 2."""

    name = "theano"
    variables = ("THEANO_FLAGS", "THEANORC")
    turns_kernels = True
    folders_without_code = ("lock_dir",)
    source_suffixes = (".cpp",)

    def install(self, clock: "CompileClock") -> None:
        """Make compiled modules be found again, and count those that are compiled."""
        from theano.gof.cmodule import GCC_compiler

        make_modules_found_again()
        self.read_compiled()
        GCC_compiler.compile_str = staticmethod(clock.wrap(GCC_compiler.compile_str))

    def read_compiled(self) -> None:
        """Make Theano read the keys of compiled modules that it does not know yet.

        The keys are pickles. Those of the image are read once for all replicates; those that cells
        compiled in each replicate, never in the process that replicates are forked from.
        """
        from theano.gof.cc import get_module_cache

        get_module_cache().refresh(cleanup=False)

    # Theano's generator needs no seed of its own: Keras 2.3.1 draws the seed of each Theano random
    # stream from NumPy (keras/backend/theano_backend.py, tag 2.3.1).

    def set_precision(self, dtype: str) -> None:
        """Set ``floatX``, which Keras 2.3.1 sets only while it is imported."""
        from theano import config

        config.floatX = dtype

    def configuration(self) -> Dict[str, str]:
        """Return the options of ``theano.config``, for the record."""
        from theano import config

        values = {}
        for option in OPTIONS:
            value: Any = config
            for part in option.split("."):
                value = getattr(value, part)
            values[option] = str(value)
        return values

    def function_options(self, outputs: int) -> Dict[str, Any]:
        """Leave out the in-place optimization of functions with many outputs.

        Theano walks the whole graph again for each result that it could write in the place of
        another: this saves memory, takes hours for hundreds of outputs, and changes no number.
        """
        if outputs < MANY_OUTPUTS:
            return {}
        from theano.compile.mode import get_default_mode

        return {"mode": get_default_mode().excluding("inplace")}

    def gradients(self, loss: Any, tensors: Sequence[Any]) -> Gradients:
        """Return the gradients of a scalar by tensors of its graph.

        ``K.gradients`` raises for what the loss does not depend on (``T.grad``, tag rel-1.0.4).
        """
        import theano.tensor

        return _connected(
            theano.tensor.grad(
                loss, list(tensors), disconnected_inputs="ignore", return_disconnected="None"
            )
        )

    def gradients_through(
        self,
        outputs: Sequence[Any],
        upstream: Sequence[Any],
        inputs: Sequence[Any],
        tensors: Sequence[Any],
    ) -> Gradients:
        """Return what arrives at tensors of the gradients ``upstream`` by a layer's outputs."""
        import theano.tensor

        return _connected(
            theano.tensor.grad(
                None,
                list(tensors),
                known_grads=dict(zip(outputs, upstream)),
                consider_constant=list(inputs),
                disconnected_inputs="ignore",
                return_disconnected="None",
            )
        )


def _connected(gradients: Any) -> Gradients:
    from theano.gradient import DisconnectedType, NullType

    return [
        None
        if gradient is None or isinstance(gradient.type, (DisconnectedType, NullType))
        else gradient
        for gradient in gradients
    ]


def make_modules_found_again() -> None:
    """Mend what keeps Theano 1.0.4 from finding compiled modules again.

    ``CLinker.cmodule_key_`` (theano/gof/cc.py, tag rel-1.0.4) counts an op's ``__props__`` among
    the versions of its C code, and takes an empty one for an op without a version, whose module
    is never used twice. An op that has no properties has a version all the same: the one that its
    ``c_code_cache_version`` returns. ``__hash__`` and ``__eq__`` were made from the properties when
    the class was made, and stay as they are.

    A key also holds the constants of its graph, seeds and bounds of initial weights among them.
    One with other constants finds its module by the code, and is then added to the module's
    keys on disk (theano/gof/cmodule.py), which grow with every seed; here they do not.
    """
    from theano.gof.cc import get_module_cache
    from theano.gof.cmodule import KeyData
    from theano.gof.op import Op

    add_key = KeyData.add_key
    KeyData.add_key = lambda data, key, save_pkl=True: add_key(data, key, save_pkl=False)
    # The check would look for the key on disk.
    get_module_cache(init_args={"check_for_broken_eq": False})

    pending: List[Any] = [Op]
    while pending:
        kind = pending.pop()
        pending += kind.__subclasses__()
        if kind.__dict__.get("__props__") == ():
            del kind.__props__
