"""Types of the fields of what a container writes: each has its bounds."""

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=4096)]
LongText = Annotated[str, msgspec.Meta(max_length=65536)]
NotFinite = Annotated[str, msgspec.Meta(pattern=r"^(nan|inf|-inf)\Z")]
Number = float | NotFinite  # JSON has none that is not finite: those are words that float reads
Metrics = Annotated[dict[Text, Number], msgspec.Meta(max_length=1000)]
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
"""Of 64 bits: larger ones may neither become floats nor be written again."""
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
EpochNumber = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
