"""Compare the whole matrix with a loop of ``docker run``: ratios, in one run, on one machine.

    python benchmarks/speed.py [--seeds 10] [--more-seeds 30] [--only PART]

It needs a container engine, the docker command and the images of keras-matrix. It prints Markdown.

matrix      the tutorial's script on both images, with that many seeds: ``keras-matrix run``
            compared with a loop of ``docker run``; cold and warm. The cold loop
            has a new container compile everything, with the flags that the image sets and with
            Theano's own; the warm one keeps Theano's compiledir on a volume.
overhead    what keras-matrix adds to one cell: cells in a container each, one after the other,
            compared with ``docker run`` with the same limits on the same script.
efficiency  the time inside ``fit`` and ``evaluate`` over wall time x CPUs.
host        planning and comparing, at 10, 1,000 and 10,000 records (``host.py``).
"""

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
SCRIPT = ROOT / "models" / "mlp"
BACKENDS = {"tf": "tensorflow", "theano": "theano"}
STOCK_FLAGS = "gcc.cxxflags=,blas.ldflags=,compiledir=/scratch/theano"
CONFINED = [
    *("--network", "none", "--read-only", "--cap-drop", "ALL", "--user", "10001:10001"),
    *("--security-opt", "no-new-privileges", "--memory", "4g", "--memory-swap", "4g"),
    *("--pids-limit", "256", "--cpus", "1", "--cpuset-cpus", "0"),
]


def timed(command, **environment):
    start = time.perf_counter()
    subprocess.run(
        [str(part) for part in command],
        check=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, **environment},
    )
    return time.perf_counter() - start


def keras_matrix(root, *options, script=SCRIPT):
    """Run the matrix with a cache and results of its own; return seconds and the run's folder."""
    results = Path(tempfile.mkdtemp(dir=root))
    command = [sys.executable, "-m", "keras_matrix", "run", script, "--results", results, "-q"]
    start = time.perf_counter()
    done = subprocess.run(
        [str(part) for part in (*command, "--fresh", *options)],
        check=False,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        env={
            **os.environ,
            "KERAS_MATRIX_CACHE": str(root / "cache"),
            "KERAS_MATRIX_HISTORY": str(root / "history.sqlite"),
        },
    )
    seconds = time.perf_counter() - start
    if done.returncode not in (0, 1, 7):
        sys.exit(done.stderr)
    (run,) = results.iterdir()
    return seconds, run


def image_ids(root):
    """Return the images' digests, from a run that also builds them if need be."""
    _, run = keras_matrix(root, "--on", "tf,theano", "--epochs-cap", 1)
    images = json.loads((run / "manifest.json").read_text())["images"]
    return {name: image["id"] for name, image in images.items()}


def docker_run(image, backend, *options, script=SCRIPT / "model.py"):
    return timed(
        [
            *("docker", "run", "--rm", "--tmpfs", "/scratch:exec,mode=1777"),
            *("-e", f"KERAS_BACKEND={backend}", "-e", "HOME=/scratch", "-e", "TMPDIR=/scratch"),
            *("-v", f"{script.parent}:/script:ro", *options),
            *(image, "python", f"/script/{script.name}"),
        ]
    )


def loop(ids, seeds, options):
    """Run the script so many times on each image; return seconds by image."""
    return {
        name: sum(docker_run(image, BACKENDS[name], *options.get(name, ())) for _ in range(seeds))
        for name, image in ids.items()
    }


def matrix(root, seeds):
    ids = image_ids(root)
    stock = loop(ids, seeds, {"theano": ("-e", f"THEANO_FLAGS={STOCK_FLAGS}", "-e", "THEANORC=")})
    plain = loop({"theano": ids["theano"]}, seeds, {})
    plain["tf"] = stock["tf"]
    kept = Path(tempfile.mkdtemp(dir=root))
    kept.chmod(0o777)
    volume = ("-v", f"{kept}:/kept", "-e", "THEANO_FLAGS=compiledir=/kept")
    docker_run(ids["theano"], "theano", *volume)
    warm_loop = loop({"theano": ids["theano"]}, seeds, {"theano": volume})
    warm_loop["tf"] = stock["tf"]
    other = root / "cold"
    other.mkdir()
    cold, _ = keras_matrix(other, "--on", "tf,theano", "--seeds", seeds)
    warm, _ = keras_matrix(other, "--on", "tf,theano", "--seeds", seeds)

    print(f"\n### {seeds} seeds on 2 images\n")
    print("| | tf, s | theano, s | both, s | keras-matrix, s | ratio |")
    print("| --- | ---: | ---: | ---: | ---: | ---: |")
    for name, found, ours in (
        ("cold, Theano's own flags", stock, cold),
        ("cold, the image's flags", plain, cold),
        ("warm", warm_loop, warm),
    ):
        both = found["tf"] + found["theano"]
        print(
            f"| {name} | {found['tf']:.1f} | {found['theano']:.1f} | {both:.1f} "
            f"| {ours:.1f} | {both / ours:.1f} |"
        )


def overhead(root, cells=8):
    ids = image_ids(root)
    script = root / "script" / "imports.py"
    script.parent.mkdir()
    script.write_text("import keras\n")
    print("\n### Overhead of a cell in a container of its own\n")
    print(
        "| image | docker run, s a cell | keras-matrix, s a cell | difference, s | once a run, s |"
    )
    print("| --- | ---: | ---: | ---: | ---: |")
    for name, image in ids.items():
        alone = ("--on", name, "--jobs", 1, "--isolation", "container", "--seeds")
        keras_matrix(root, *alone, 1, script=script)
        one, _ = keras_matrix(root, *alone, 1, script=script)
        bare, many = 0.0, 0.0
        bare = sum(
            docker_run(image, BACKENDS[name], *CONFINED, script=script) for _ in range(cells)
        )
        many, _ = keras_matrix(root, *alone, cells + 1, script=script)
        ours, theirs = (many - one) / cells, bare / cells
        print(f"| {name} | {theirs:.2f} | {ours:.2f} | {ours - theirs:.2f} | {one - ours:.2f} |")


def efficiency(root, seeds):
    keras_matrix(root, "--on", "tf,theano", "--seeds", 1)
    wall, run = keras_matrix(root, "--on", "tf,theano", "--seeds", seeds)
    cpus = len(os.sched_getaffinity(0))
    calls = scripts = cells = 0.0
    by_image = {}
    for path in (run / "records").iterdir():
        record = json.loads(path.read_text())
        observed = record["observation"]
        inside = sum(call["seconds"] for call in observed["calls"])
        calls += inside
        scripts += observed["end"]["seconds"]
        cells += record["timing"]["create"] + record["timing"]["run"]
        found = by_image.setdefault(record["cell"]["image"], [0.0, 0.0, 0.0, 0])
        found[0] += inside
        found[1] += observed["end"]["seconds"] - inside
        found[2] += (
            record["timing"]["create"] + record["timing"]["run"] - observed["end"]["seconds"]
        )
        found[3] += 1
    budget = wall * cpus
    print(f"\n### Efficiency at {seeds} seeds on 2 images, {cpus} CPUs: {calls / budget:.2f}\n")
    print("| where the time goes | s | share |")
    print("| --- | ---: | ---: |")
    for name, seconds in (
        ("inside fit and evaluate", calls),
        ("the script besides: building the model, data", scripts - calls),
        ("around the script: containers, import of Keras, fork, records", cells - scripts),
        ("between cells, start and end of the run", budget - cells),
        ("wall x CPUs", budget),
    ):
        print(f"| {name} | {seconds:.1f} | {seconds / budget:.2f} |")
    print("\n| image | in calls, s a cell | script besides | around it |")
    print("| --- | ---: | ---: | ---: |")
    for name, (inside, besides, around, count) in sorted(by_image.items()):
        print(f"| {name} | {inside / count:.2f} | {besides / count:.2f} | {around / count:.2f} |")


def host():
    print("\n### The host side\n", flush=True)
    subprocess.run([sys.executable, Path(__file__).with_name("host.py")], check=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--seeds", type=int, default=10)
    parser.add_argument("--more-seeds", type=int, default=30)
    parser.add_argument("--only", choices=["matrix", "overhead", "efficiency", "host"])
    chosen = parser.parse_args()
    parts = {
        "matrix": lambda root: matrix(root, chosen.seeds),
        "overhead": overhead,
        "efficiency": lambda root: efficiency(root, chosen.more_seeds),
        "host": lambda root: host(),
    }
    for name, part in parts.items():
        if chosen.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                root = Path(folder)
                # Cells do not run as root.
                root.chmod(0o755)
                part(root)


if __name__ == "__main__":
    main()
