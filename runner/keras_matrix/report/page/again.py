"""How to run a run again: one command, and what it rests on. Pure."""

import shlex
from collections.abc import Sequence

from keras_matrix.plan.cells import Init, Isolation
from keras_matrix.plan.settings import KerasSettings
from keras_matrix.records.record import Manifest
from keras_matrix.report.page.blocks import Block, Facts, Listing, Paragraph, Section

PLACES = ("--run", "--only")
"""Options with a value that say where records go, or which part of a run is made."""
SILENT = ("-q", "--quiet", "-v", "--verbose")
MOST_SEEDS = 40
USUAL = KerasSettings().id
HOW = "In the folder where it was run. What has not changed is reused; --fresh runs all of it."


def section(name: str, manifest: Manifest) -> Section:
    """Return the command, and what of the run is not in it."""
    plan = manifest.plan
    seeds = list(dict.fromkeys(cell.seed for cell in plan.cells if cell.seed is not None))
    settings = dict.fromkeys(cell.settings.id for cell in plan.cells)
    facts = {
        "run": manifest.run,
        "made": manifest.created,
        "with": manifest.tool,
        "script": manifest.place or manifest.script,
        **({"commit": manifest.commit} if manifest.commit else {}),
        "SHA-256 of the script": plan.script_sha256,
        "arguments": shlex.join(plan.arguments) or "none",
        **{f"image {name}": _image(manifest, name) for name in plan.images},
        "keras.json": ", ".join("as Keras has it" if one == USUAL else one for one in settings),
        "seeds": _seeds(seeds),
        "cells": str(len(plan.cells)),
        "first weights": "the same on all images" if plan.init is Init.PAIRED else "each its own",
        "a cell is": "a process" if plan.isolation is Isolation.PROCESS else "a container",
        "limits of a cell": (
            f"{plan.limits.memory / 2**20:.0f} MiB of memory, "
            f"{plan.limits.scratch / 2**20:.0f} MiB of scratch space, "
            f"{plan.limits.cpus:g} CPU{'s' * (plan.limits.cpus != 1)}, "
            f"{plan.limits.pids} processes, {plan.limits.timeout:g} s"
        ),
    }
    if plan.caps.note:
        facts["shortened"] = plan.caps.note
    blocks: tuple[Block, ...] = (
        Paragraph(HOW),
        Listing("The command", again(manifest.command)),
        Facts(tuple(facts.items())),
    )
    return Section(f"{name}-again", "Run it again", blocks)


def _image(manifest: Manifest, name: str) -> str:
    known = manifest.images.get(name)
    return known.id if known is not None else "not known"


def again(command: Sequence[str]) -> str:
    """Return the command that makes a run anew, without what names this one or a part of it."""
    kept = []
    given = iter(command)
    for word in given:
        if word == "--":
            kept += [word, *given]
        elif word in PLACES:
            next(given, None)
        elif word not in SILENT and word.partition("=")[0] not in PLACES:
            kept.append(word)
    return shlex.join(kept)


def _seeds(seeds: Sequence[int]) -> str:
    if not seeds:
        return "none: the script's own luck"
    if len(seeds) > 1 and list(seeds) == list(range(seeds[0], seeds[0] + len(seeds))):
        return f"{seeds[0]} to {seeds[-1]}"
    more = len(seeds) - MOST_SEEDS
    shown = ", ".join(str(seed) for seed in seeds[:MOST_SEEDS])
    return f"{shown} and {more} more" if more > 0 else shown
