"""Compare a trace with the plain run of the same script: ratios, in one run, on one machine.

    python benchmarks/trace.py [SHAPE...] [--other theano]

It needs a container engine and the images of keras-matrix. For each script in ``shapes`` it runs,
one after the other, with empty caches: the script on the image that compiles, alone; then its trace
on both images, cold; then the same trace again, warm. It prints a Markdown table.
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

SHAPES = Path(__file__).with_name("shapes")
MLP = Path(__file__).parents[1] / "models" / "mlp"
AGREE_OR_DIFFER = (0, 1)


def scripts():
    """Return the script of each shape by its name."""
    return {"mlp": MLP, **{path.stem: path for path in sorted(SHAPES.glob("*.py"))}}


def keras_matrix(cache, command, script, *options):
    """Run a command with a cache of its own; return the seconds it took, and its run's folder."""
    results = Path(tempfile.mkdtemp(dir=cache.parent))
    environment = {
        **os.environ,
        "KERAS_MATRIX_CACHE": str(cache),
        "KERAS_MATRIX_HISTORY": str(cache.parent / "history"),
    }
    start = time.perf_counter()
    done = subprocess.run(
        [
            *(sys.executable, "-m", "keras_matrix", command, str(script)),
            *("--results", str(results), "--quiet", *options),
        ],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    )
    seconds = time.perf_counter() - start
    if done.returncode not in AGREE_OR_DIFFER:
        sys.exit(f"{command} {script} ended with status {done.returncode}:\n{done.stderr}")
    (folder,) = results.iterdir()
    return seconds, folder


def modules(folder, image):
    """Return how many modules the training calls of an image's cells compiled."""
    return sum(
        call["compiled"]
        for path in (folder / "records").glob(f"{image}.*.json")
        for call in json.loads(path.read_text())["observation"]["calls"]
    )


def measure(script, reference, other):
    """Return the seconds and the modules compiled of the plain run, the cold and the warm trace."""
    measured = []
    with tempfile.TemporaryDirectory() as root:
        plain, traced = Path(root, "plain", "cache"), Path(root, "traced", "cache")
        for cache in (plain, traced):
            cache.mkdir(parents=True)
        both = ("--on", f"{reference},{other}")
        for cache, command, options in (
            (plain, "run", ("--on", other, "--seeds", "1", "--init", "paired")),
            (traced, "trace", both),
            (traced, "trace", both),
        ):
            seconds, folder = keras_matrix(cache, command, script, *options)
            measured.append((seconds, modules(folder, other)))
    return measured


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("shapes", nargs="*", metavar="SHAPE", help=", ".join(scripts()))
    parser.add_argument("--reference", default="tf")
    parser.add_argument("--other", default="theano")
    chosen = parser.parse_args()
    print("| script | plain run, s | modules | cold : plain | modules | warm : cold | modules |")
    print("| --- | ---: | ---: | ---: | ---: | ---: | ---: |")
    for shape in chosen.shapes or scripts():
        plain, cold, warm = measure(scripts()[shape], chosen.reference, chosen.other)
        print(
            f"| {shape} | {plain[0]:.1f} | {plain[1]} | {cold[0] / plain[0]:.2f} | {cold[1]} | "
            f"{warm[0] / cold[0]:.2f} | {warm[1]} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
