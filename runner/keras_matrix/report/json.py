"""A comparison as JSON, in which numbers that are not finite are the strings nan, inf and -inf."""

import math
from typing import Any

import msgspec

from keras_matrix.compare.comparison import Comparison, Row, Summary
from keras_matrix.compare.computation import SeedBySeed
from keras_matrix.compare.inference import Inference
from keras_matrix.report.questions import describe_questions
from keras_matrix.report.words import in_words
from keras_matrix.text import safe_json

SCHEMA = 1


def render(comparison: Comparison) -> str:
    """Render the comparison as indented JSON."""
    described = {
        "schema": SCHEMA,
        "title": comparison.title,
        "differs": comparison.differs,
        "inconclusive": comparison.inconclusive,
        "words": in_words(comparison),
        "questions": describe_questions(comparison),
        "rows": [_row(row) for row in comparison.rows],
        "failures": comparison.failures,
        "missing": comparison.missing,
        "notes": comparison.notes,
        "one_sided": comparison.one_sided,
        "seed_seconds": comparison.seed_seconds,
        "cells": comparison.cells,
    }
    return encode(described)


def encode(value: Any) -> str:
    """Encode a value as indented JSON text."""
    return safe_json(msgspec.json.format(msgspec.json.encode(value), indent=2).decode())


def _row(row: Row) -> dict[str, Any]:
    return {
        "group": row.group,
        "metric": row.metric,
        "kind": row.kind,
        "reference": _side(row.reference_name, row.reference),
        "other": _side(row.other_name, row.other),
        "absolute": number(row.absolute),
        "relative": number(row.relative),
        "elementwise": row.elementwise,
        "tolerance": row.tolerance,
        "verdict": row.verdict,
        "question": row.asked.question if row.asked else None,
        "question_why": row.asked.why if row.asked else None,
        "certain": row.certain,
        "seeds": _seeds(row.seeds) if row.seeds else None,
        "inference": _inference(row.inference) if row.inference else None,
    }


def _seeds(seeds: SeedBySeed) -> dict[str, Any]:
    worst = seeds.worst
    return {
        "compared": len(seeds.seeds),
        "beyond": [seed.seed for seed in seeds.beyond],
        "noise_floor": number(seeds.floor),
        "worst": {
            "seed": worst.seed,
            "reference": number(worst.reference),
            "other": number(worst.other),
            "allowed": number(worst.allowed),
        },
    }


def _inference(inference: Inference) -> dict[str, Any]:
    return {
        "finding": inference.finding,
        "scale": inference.scale,
        "estimate": number(inference.estimate),
        "low": number(inference.interval.low) if inference.interval else None,
        "high": number(inference.interval.high) if inference.interval else None,
        "margin": number(inference.margin),
        "spreads": number(inference.spreads),
        "level": inference.level,
        "comparisons": inference.comparisons,
        "paired": inference.paired,
        "seeds": inference.reference.n,
        "seeds_needed": inference.seeds_needed,
        "method": inference.method,
    }


def _side(name: str, summary: Summary | None) -> dict[str, Any]:
    return {
        "name": name,
        "median": number(summary.median) if summary else None,
        "values": [number(value) for value in summary.values] if summary else [],
    }


def number(value: float | None) -> float | str | None:
    """Return a number, or the string that stands for it in JSON if it is not finite."""
    if value is None or math.isfinite(value):
        return value
    return repr(value)
