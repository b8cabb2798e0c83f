"""Tell a script that is bound to another backend from one that is wrong."""

import re
from typing import Optional

from .backends import NAMES, PACKAGES
from .failures import MAX_MESSAGE, chain, message

_NAME = r"(?<![\w./-])(?:%s)(?![\w/-]|\.\w)" % "|".join(NAMES)
_BACKEND = r"(?<![\w./-])backends?(?![\w/-]|\.\w)"
_LINK = r"as|its|the|your|keras|must|should|has|have|needs?|to|be|is"
_BETWEEN = r"[\s'\"`:=(),]+(?:(?:%s)[\s'\"`:=(),]+){0,3}" % _LINK
_NAMED_BACKEND = re.compile(
    "%s%s%s|%s%s%s" % (_NAME, _BETWEEN, _BACKEND, _BACKEND, _BETWEEN, _NAME), re.IGNORECASE
)
"""A backend's name and the word itself, side by side but for words that link them."""
_NAMES = re.compile(_NAME, re.IGNORECASE)
_NEEDED = re.compile(
    r"\b(?:only|requir\w*|needs?|must|should|ha(?:s|ve) to|expects?|supports?|supported|"
    r"unsupported|available|switch|use|please)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.;!]\s|\n")


def bound_to(failure: BaseException, backend: str) -> Optional[str]:
    """Return what a failure is bound to, None where it is no sign of a foreign backend.

    Signs: the package of another backend is imported, maybe by a library that says so in its own
    words; Keras's backend module lacks a name (each backend has some of its own, such as
    TensorFlow's ``set_session``) or does not implement one; the script says what it needs.
    """
    if isinstance(failure, ImportError):
        named = str(failure.name).startswith("keras.backend")
        return "keras.backend of another backend" if named else _package(failure, backend)
    if isinstance(failure, AttributeError) and failure.args:
        text = str(failure.args[0])
        if "module 'keras.backend" in text:
            return text.rpartition("has no attribute ")[2].strip("'") + " of keras.backend"
    if isinstance(failure, NotImplementedError) and _raised_by_backend(failure):
        return "what the %s backend does not implement" % backend
    if isinstance(failure, SystemExit):
        return (
            _needed(failure.code[:MAX_MESSAGE], backend) if isinstance(failure.code, str) else None
        )
    if isinstance(failure, (RuntimeError, ValueError)):
        return _needed(message(failure)[:MAX_MESSAGE], backend)
    return None


def _package(failure: ImportError, backend: str) -> Optional[str]:
    """Return the foreign package that an import, or what it came of, asked for."""
    links = [failure] if failure.name else chain(failure)
    for link in links:
        package = str(link.name if isinstance(link, ImportError) else "").split(".")[0]
        if PACKAGES.get(package, backend) != backend:
            return "the package %s" % package
    return None


def _needed(text: str, backend: str) -> Optional[str]:
    """Return the foreign backend that a text asks for; one that names the current one does not."""
    for sentence in _SENTENCE.split(text):
        found = _NAMED_BACKEND.search(sentence)
        if found is None or not _NEEDED.search(sentence):
            continue
        names = {NAMES[name.lower()] for name in _NAMES.findall(text)}
        if backend not in names:
            named = _NAMES.search(found.group())
            return "the %s backend" % NAMES[named.group().lower()] if named else None
    return None


def _raised_by_backend(failure: BaseException) -> bool:
    trace = failure.__traceback__
    while trace is not None and trace.tb_next is not None:
        trace = trace.tb_next
    name = "" if trace is None else str(trace.tb_frame.f_globals.get("__name__", ""))
    return name.startswith("keras.backend") or name.split(".")[0] in PACKAGES
