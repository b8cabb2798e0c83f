"""The section on how to run the same again: one command, and what the run was made of. Pure."""

import shlex
from collections.abc import Sequence

from keras_matrix.plan.cells import Init, Isolation
from keras_matrix.plan.settings import KerasSettings
from keras_matrix.records.record import Manifest
from keras_matrix.report.page.blocks import Block, Facts, Listing, Paragraph, Section
from keras_matrix.text import listed, plural

OPTIONS_OF_ONE_RUN = ("--run", "--only")
"""Options with a value that name a run, or select a part of it."""
OUTPUT_OPTIONS = ("-q", "--quiet", "-v", "--verbose")
MAX_LISTED_SEEDS = 40
DEFAULT_SETTINGS_ID = KerasSettings().id
INSTRUCTION = (
    "Run this command in the folder where the run was started. Unchanged cells are reused; add "
    "--fresh to run all of them again."
)


def section(prefix: str, manifest: Manifest) -> Section:
    """Return the section: the command, and what the result depends on."""
    plan, limits = manifest.plan, manifest.plan.limits
    seeds = list(dict.fromkeys(cell.seed for cell in plan.cells if cell.seed is not None))
    settings = dict.fromkeys(cell.settings.id for cell in plan.cells)
    facts = {
        "run": manifest.run,
        "created": manifest.created,
        "made by": manifest.tool,
        "script": manifest.place or manifest.script,
        **({"commit": manifest.commit} if manifest.commit else {}),
        "SHA-256 of the script": plan.script_sha256,
        "arguments": shlex.join(plan.arguments) or "none",
        **{f"image {name}": _image_digest(manifest, name) for name in plan.images},
        "keras.json": ", ".join(
            "Keras' defaults" if name == DEFAULT_SETTINGS_ID else name for name in settings
        ),
        "seeds": _seeds(seeds),
        "cells": str(len(plan.cells)),
        "initial weights": (
            "the same on all images" if plan.init is Init.PAIRED else "each backend's own"
        ),
        "isolation": (
            "each cell in a process of its own"
            if plan.isolation is Isolation.PROCESS
            else "each cell in a container of its own"
        ),
        "limits of a cell": (
            f"{limits.memory / 2**20:.0f} MiB of memory, "
            f"{limits.scratch / 2**20:.0f} MiB of scratch space, {plural(limits.cpus, 'CPU')}, "
            f"{plural(limits.pids, 'process', 'processes')}, {limits.timeout:g} s"
        ),
    }
    if plan.caps.note:
        facts["shortened"] = plan.caps.note
    blocks: tuple[Block, ...] = (
        Paragraph(INSTRUCTION),
        Listing("The command", rerun_command(manifest.command)),
        Facts(tuple(facts.items())),
    )
    return Section(f"{prefix}-again", "Run it again", blocks)


def _image_digest(manifest: Manifest, name: str) -> str:
    identity = manifest.images.get(name)
    return identity.id if identity is not None else "not known"


def rerun_command(command: Sequence[str]) -> str:
    """Return the command of a new run like this one, without options that name or select runs."""
    kept = []
    words = iter(command)
    for word in words:
        if word == "--":
            kept += [word, *words]
        elif word in OPTIONS_OF_ONE_RUN:
            next(words, None)
        elif word not in OUTPUT_OPTIONS and word.partition("=")[0] not in OPTIONS_OF_ONE_RUN:
            kept.append(word)
    return shlex.join(kept)


def _seeds(seeds: Sequence[int]) -> str:
    if not seeds:
        return "none set; random numbers are the script's own"
    if len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    return listed([str(seed) for seed in seeds], MAX_LISTED_SEEDS)
