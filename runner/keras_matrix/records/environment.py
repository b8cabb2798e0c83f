"""What a script ran on, as seen from inside. What a container wrote is not to be trusted."""

from typing import Annotated

import msgspec

from keras_matrix.records.bounded import Count, Number, Text


class Confinement(msgspec.Struct, frozen=True):
    """How the cell is closed in; None where the kernel, or a sandbox in its place, says nothing.

    ``seccomp`` is the mode of the filter of system calls, 0 for none; ``capabilities`` those in
    force as a number; ``interfaces`` those of the network that are up, but for the loopback.
    """

    seccomp: Count | None
    no_new_privileges: bool | None
    capabilities: Count | None
    interfaces: Annotated[list[Text], msgspec.Meta(max_length=4096)] | None


class AppliedLimits(msgspec.Struct, frozen=True):
    """What the control group says is in force; None where it says nothing."""

    memory: Number | None
    pids: Number | None
    cpus: Number | None


class Environment(msgspec.Struct, frozen=True, tag="environment", tag_field="event"):
    """What the script ran on, as seen from inside, after Keras was imported."""

    python: Text
    platform: Text
    cpu_model: Text
    cpu_count: Count
    keras: Text
    backend: Text
    floatx: Text
    epsilon: float
    image_data_format: Text
    packages: Annotated[dict[Text, Text], msgspec.Meta(max_length=2000)]
    variables: dict[Text, Text]
    backend_config: dict[Text, Text]
    limits: AppliedLimits
    uid: Count
    import_seconds: float
    cpus: Annotated[list[Count], msgspec.Meta(max_length=4096)] = []
    confinement: Confinement | None = None
