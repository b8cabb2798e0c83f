"""Distinguish a script that is written for another backend from one that is wrong."""

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
"""A backend's name beside the word "backend", with at most three linking words in between."""
_NAMES = re.compile(_NAME, re.IGNORECASE)
_REQUIREMENT = re.compile(
    r"\b(?:only|requir\w*|needs?|must|should|ha(?:s|ve) to|expects?|supports?|supported|"
    r"unsupported|available|switch|use|please)\b",
    re.IGNORECASE,
)
_SENTENCE = re.compile(r"[.;!]\s|\n")


def bound_to(failure: BaseException, backend: str) -> Optional[str]:
    """Return what of another backend a script is bound to; None if its failure shows no such sign.

    The signs are: the script, or a library that reports so in its own words, imports the package of
    another backend; Keras's backend module lacks a name (each backend has some of its own, such as
    TensorFlow's ``set_session``) or does not implement a function; a message says that another
    backend is required.
    """
    if isinstance(failure, ImportError):
        if str(failure.name).startswith("keras.backend"):
            return "keras.backend of another backend"
        return _foreign_package(failure, backend)
    if isinstance(failure, AttributeError) and failure.args:
        text = str(failure.args[0])
        if "module 'keras.backend" in text:
            return text.rpartition("has no attribute ")[2].strip("'") + " of keras.backend"
    if isinstance(failure, KeyError) and failure.args[:1] == ("KERAS_BACKEND",):
        return "what the variable KERAS_BACKEND says, which cells do not set"
    if isinstance(failure, NotImplementedError) and _raised_by_backend(failure):
        return "what the %s backend does not implement" % backend
    if isinstance(failure, SystemExit):
        text = failure.code if isinstance(failure.code, str) else ""
        return _required_backend(text[:MAX_MESSAGE], backend)
    if isinstance(failure, (RuntimeError, ValueError)):
        return _required_backend(message(failure)[:MAX_MESSAGE], backend)
    return None


def _foreign_package(failure: ImportError, backend: str) -> Optional[str]:
    """Return the imported package of another backend, of the failure or of its causes."""
    links = [failure] if failure.name else chain(failure)
    for link in links:
        package = str(link.name if isinstance(link, ImportError) else "").split(".")[0]
        if PACKAGES.get(package, backend) != backend:
            return "the package %s" % package
    return None


def _required_backend(text: str, backend: str) -> Optional[str]:
    """Return the other backend that a text requires; None if it names the current backend, too."""
    for sentence in _SENTENCE.split(text):
        phrase = _NAMED_BACKEND.search(sentence)
        if phrase is None or not _REQUIREMENT.search(sentence):
            continue
        names = {NAMES[name.lower()] for name in _NAMES.findall(text)}
        if backend not in names:
            name = _NAMES.search(phrase.group())
            return "the %s backend" % NAMES[name.group().lower()] if name else None
    return None


def _raised_by_backend(failure: BaseException) -> bool:
    frame = failure.__traceback__
    while frame is not None and frame.tb_next is not None:
        frame = frame.tb_next
    module = "" if frame is None else str(frame.tb_frame.f_globals.get("__name__", ""))
    return module.startswith("keras.backend") or module.split(".")[0] in PACKAGES
