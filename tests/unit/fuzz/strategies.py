"""Values of any type that msgspec reads, made of what is most likely to break something."""

import json
from collections.abc import Callable, Sequence
from typing import Any

import msgspec
from hypothesis import strategies as st
from msgspec import inspect

from tests.unit.fuzz import profiles as fuzz_profiles

fuzz_profiles.load()

BOTTOM = 4
"""How deep values without a type are nested."""
BIGGEST = 2**63 - 1
NASTY = (
    *(
        "",
        " ",
        "\n",
        "a\nb",
        "\r\n",
        "\t",
        "\0",
        "\x1b[31mred\x1b[0m",
        "\x1b]0;title\x07",
        "\x9b31m",
    ),
    *(
        "<script>alert('x')</script>",
        "\"'><img src=x onerror=alert(1)>",
        "]]>",
        "&amp;",
        "{{ 7*7 }}",
    ),
    *("=1+1", "+1", "-1", "@SUM(A1)", "\uff1d1", "| a | b |", "`", "``````", "# head", "1. one"),
    *("[a](javascript:alert(1))", "www.example.org", "http://example.org/", "@someone", "$x$"),
    *("::error file=a::b", "%0A::error::", "a,b:c", "\u202egnp.exe", "\u2028", "\ufeff", "\ufffe"),
    *("../../../etc/passwd", "/etc/passwd", "..", ".", "a/b", "a.b#2", "fit#2.loss", "model.py:3"),
    *(
        "model.py:-1",
        "model.py:99999999999999999999",
        "predict.0",
        "fit",
        "evaluate",
        "nan",
        "loss",
    ),
    *("e\u0301", "\U0001f600", "\ud7ff", "\ufdd0", "a" * 5000, "%s%d", "{0}", "\\", "'", '"'),
)
FLOATS = (0.0, -0.0, 1e-320, -1e-320, 1e308, -1e308, 1.0, -1.0, 0.1)
WHOLE = (0, 1, -1, 2, 255, 2**31, 2**53 + 1, BIGGEST, -(2**63))


def texts(shortest: int = 0, longest: int | None = None) -> st.SearchStrategy[str]:
    """Text that can be encoded: more often than not a nasty one."""
    most = 8000 if longest is None else longest
    fitting = [text for text in NASTY if shortest <= len(text) <= most]
    plain = st.text(
        st.characters(codec="utf-8"), min_size=shortest, max_size=min(most, shortest + 12)
    )
    return st.sampled_from(fitting) | plain


def numbers() -> st.SearchStrategy[float]:
    """Numbers as JSON has them."""
    return st.sampled_from(FLOATS) | st.floats(allow_nan=False, allow_infinity=False)


def whole(least: int | None = None, most: int | None = None) -> st.SearchStrategy[int]:
    """Whole numbers within bounds; of 64 bits where there are none."""
    low = -(2**63) if least is None else least
    high = BIGGEST if most is None else most
    fitting = [number for number in WHOLE if low <= number <= high]
    some = st.integers(low, high)
    return st.sampled_from(fitting) | some if fitting else some


def anything() -> st.SearchStrategy[Any]:
    """Return any JSON value."""
    leaves = st.none() | st.booleans() | whole() | numbers() | texts()
    return st.recursive(
        leaves,
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(texts(), inner, max_size=3),
        max_leaves=BOTTOM,
    )


def json_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return plain values that msgspec reads as ``kind``."""
    return _of(inspect.type_info(kind), {})


def values_of(kind: Any) -> st.SearchStrategy[Any]:
    """Return values of a type."""
    return json_of(kind).map(lambda plain: msgspec.convert(plain, kind, strict=True))


_Known = dict[Any, st.SearchStrategy[Any]]


def _of(info: inspect.Type, known: _Known) -> st.SearchStrategy[Any]:  # noqa: PLR0912
    match info:
        case inspect.Metadata(type=inner):
            return _of(inner, known)
        case inspect.NoneType():
            return st.none()
        case inspect.BoolType():
            return st.booleans()
        case inspect.IntType(ge=ge, le=le):
            return whole(ge, le)
        case inspect.FloatType(ge=ge, le=le):
            return numbers() if ge is None else st.floats(ge, le)
        case inspect.StrType(pattern=pattern) if pattern is not None:
            return st.from_regex(pattern)
        case inspect.StrType(min_length=shortest, max_length=longest):
            return texts(shortest or 0, longest)
        case inspect.EnumType(cls=kind):
            return st.sampled_from([member.value for member in kind])
        case inspect.UnionType(types=types):
            return st.one_of([_of(one, known) for one in types])
        case inspect.ListType(item_type=item) | inspect.VarTupleType(item_type=item):
            least = info.min_length or 0
            return st.lists(_of(item, known), min_size=least, max_size=max(3, least))
        case inspect.TupleType(item_types=items):
            return st.tuples(*(_of(one, known) for one in items)).map(list)
        case inspect.DictType(key_type=key, value_type=value):
            return st.dictionaries(_of(key, known), _of(value, known), max_size=3)
        case inspect.StructType() | inspect.DataclassType():
            return _object(info, known)
        case inspect.AnyType():
            return anything()
        case _:
            raise NotImplementedError(info)


def _object(info: Any, known: _Known) -> st.SearchStrategy[Any]:
    if info.cls not in known:
        known[info.cls] = st.deferred(lambda: made)
        fields = {one.encode_name: _of(one.type, known) for one in info.fields}
        tag = getattr(info, "tag", None)
        if tag is not None:
            fields[info.tag_field] = st.just(tag)
        needed = {one.encode_name for one in info.fields if one.required} | {
            name for name in fields if tag is not None and name == info.tag_field
        }
        made: st.SearchStrategy[Any] = st.fixed_dictionaries(
            {name: fields[name] for name in fields if name in needed},
            optional={name: fields[name] for name in fields if name not in needed},
        )
        if getattr(info, "array_like", False):
            made = made.map(lambda one: list(one.values()))
    return known[info.cls]


def lines(kind: Any, most: int = 12) -> st.SearchStrategy[list[bytes]]:
    """Return JSON lines that are each of a type."""
    return st.lists(json_of(kind).map(encoded), max_size=most)


def encoded(plain: Any) -> bytes:
    """Return a plain value as JSON in UTF-8."""
    return json.dumps(plain, ensure_ascii=False, allow_nan=False).encode()


DAMAGE: Sequence[bytes] = (
    *(b"", b"\0", b"\n", b"{", b"}", b"[" * 3000, b'"', b"null", b"NaN", b"1e999", b"-", b"\xff"),
    *(b"\\ud800", b"9" * 30, b"9" * 5000, b"\xed\xa0\x80", b"\xef\xbb\xbf", b",", b'{"a":' * 2000),
)


def damaged(whole_ones: st.SearchStrategy[bytes]) -> st.SearchStrategy[bytes]:
    """Return contents with pieces cut out, put in twice, or replaced by something nasty."""

    @st.composite
    def made(draw: Callable[[st.SearchStrategy[Any]], Any]) -> bytes:
        content: bytes = draw(whole_ones)
        for _ in range(draw(st.integers(1, 3))):
            start = draw(st.integers(0, len(content)))
            end = min(len(content), start + draw(st.sampled_from([0, 0, 1, 1, 4, 40, 10**6])))
            piece = draw(
                st.sampled_from(DAMAGE) | st.binary(max_size=4) | st.just(content[start:end] * 2)
            )
            content = content[:start] + piece + content[end:]
        return content

    return made()
