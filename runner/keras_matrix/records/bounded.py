"""Bounded types for the fields of what a container writes."""

from typing import Annotated

import msgspec

Text = Annotated[str, msgspec.Meta(max_length=4096)]
LongText = Annotated[str, msgspec.Meta(max_length=65536)]
NotFinite = Annotated[str, msgspec.Meta(pattern=r"^(nan|inf|-inf)\Z")]
Number = float | NotFinite
"""JSON has no numbers that are not finite: they are written as words, which ``float`` parses."""
Metrics = Annotated[dict[Text, Number], msgspec.Meta(max_length=1000)]
Whole = Annotated[int, msgspec.Meta(ge=-(2**63), le=2**63 - 1)]
"""An integer of 64 bits: a larger one may neither become a float nor be encoded again."""
Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
Seconds = Annotated[float, msgspec.Meta(ge=0, le=1e9)]
EpochNumber = Annotated[int, msgspec.Meta(ge=0, le=10**9)]
