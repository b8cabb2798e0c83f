"""Compare compiler flags and BLAS libraries for Theano inside an image of this project.

    python benchmarks/theano_blas.py --image IMAGE

Each candidate is a theanorc. It gets a container of its own (one CPU, read-only root, no network,
empty compile directory), in which three models are trained, each in a process of its own: the
tutorial's perceptron twice (cold, then with a warm compile directory), a dense net 512 wide and a
small convolutional net. All candidates are measured in several rounds, so that a slow minute of the
machine does not affect one candidate alone; the table has the smallest value of the rounds.
Times are CPU seconds of the process and of the compilers it started, which a busy machine
disturbs less than the clock. A round takes about ten minutes.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

PRECOMPILED = "-include /scratch/modules.h"


@dataclass(frozen=True)
class Candidate:
    """A set of flags to measure; None is the default of Theano or OpenBLAS."""

    name: str
    cxxflags: str | None
    blas: str | None = "numpy"  # "numpy", "scipy": the OpenBLAS in that wheel; "": none
    coretype: str | None = "Haswell"


# gcc 10 of the official base does not have -march=x86-64-v3; haswell is about the same. At -O1 its
# vectorizer is off by default.
OPTIONS = "-fno-math-errno -g0"
VECTORIZE = "-ftree-vectorize -fvect-cost-model=dynamic"
CHOSEN = f"-march=haswell -O3 {OPTIONS} {PRECOMPILED}"
CANDIDATES = (
    Candidate("Theano's defaults", None, None, None),
    Candidate("**the image's theanorc**", CHOSEN),
    Candidate("... without the precompiled header", f"-march=haswell -O3 {OPTIONS}"),
    Candidate("... -O1, vectorized", f"-march=haswell -O1 {VECTORIZE} {OPTIONS} {PRECOMPILED}"),
    Candidate("... -march=x86-64", f"-march=x86-64 -O3 {OPTIONS} {PRECOMPILED}"),
    Candidate("... OpenBLAS kernels by CPU", CHOSEN, "numpy", None),
    Candidate("... SciPy's OpenBLAS", CHOSEN, "scipy"),
    Candidate("... no BLAS (NumPy's C API)", CHOSEN, ""),
)

COLUMNS = ("cold first fit", "warm first fit", "dense epoch", "conv epoch")

# Runs inside the container, on the image's Python 3.6; reads the candidate from the environment.
DRIVER = r"""
import glob, json, os, shutil, subprocess, sys

candidate = json.loads(os.environ["CANDIDATE"])
env = dict(os.environ, THEANORC="/scratch/theanorc", KERAS_BACKEND="theano", PYTHONHASHSEED="0")
env.pop("OPENBLAS_CORETYPE", None)
if candidate["coretype"] is not None:
    env["OPENBLAS_CORETYPE"] = candidate["coretype"]
for name in ("HOME", "TMPDIR"):
    env[name] = "/scratch/" + name.lower()
    os.mkdir(env[name])

rc = "[global]\ncompiledir = /scratch/theano\n"
if candidate["cxxflags"] is not None:
    rc += "[gcc]\ncxxflags = %s\n" % candidate["cxxflags"]
if candidate["blas"] == "":
    rc += "[blas]\nldflags =\n"
elif candidate["blas"] is not None:
    pattern = {"numpy": "numpy/.libs", "scipy": "scipy.libs"}[candidate["blas"]]
    library, = glob.glob("/usr/local/lib/python3.6/site-packages/%s/libopenblasp-*.so" % pattern)
    os.mkdir("/scratch/lib")
    os.symlink(library, "/scratch/lib/libopenblas.so")
    rc += "[blas]\nldflags = -L/scratch/lib -lopenblas\n"
with open("/scratch/theanorc", "w") as file:
    file.write(rc)
if "-include" in (candidate["cxxflags"] or ""):
    shutil.copy("/opt/keras-matrix/modules.h", "/scratch/modules.h")
    subprocess.check_call([sys.executable, "/opt/keras-matrix/precompile.py"], env=env)

TRAIN = '''
import json, os, sys, time
import numpy as np
def cpu():
    return sum(os.times()[:4])
np.random.seed(0)
import keras
from keras.layers import Conv2D, Dense, Dropout, Flatten, MaxPooling2D
name = sys.argv[1]
layers, shape, samples, batch, epochs = {
    "mlp": ([Dense(64, activation="relu", input_dim=20), Dropout(0.5),
             Dense(64, activation="relu"), Dropout(0.5)], (20,), 1000, 128, 1),
    "dense": ([Dense(512, activation="relu", input_dim=512), Dense(512, activation="relu"),
               Dense(512, activation="relu")], (512,), 4096, 128, 10),
    "conv": ([Conv2D(16, (3, 3), activation="relu", input_shape=(28, 28, 1)),
              Conv2D(32, (3, 3), activation="relu"), MaxPooling2D((2, 2)), Flatten()],
             (28, 28, 1), 512, 64, 8),
}[name]
model = keras.models.Sequential(layers + [Dense(10, activation="softmax")])
model.compile(loss="categorical_crossentropy", optimizer="sgd", metrics=["accuracy"])
x = np.random.random((samples,) + shape).astype("float32")
y = keras.utils.to_categorical(np.random.randint(10, size=samples), 10)
start, clock = cpu(), time.time()
model.fit(x, y, epochs=1, batch_size=batch, verbose=0)
first, first_clock = cpu() - start, time.time() - clock
steady = []
for _ in range(epochs):
    start = cpu()
    model.fit(x, y, epochs=1, batch_size=batch, verbose=0)
    steady.append(cpu() - start)
print("RESULT " + json.dumps({"first": first, "first_clock": first_clock, "steady": min(steady)}))
'''

def train(name):
    out = subprocess.check_output([sys.executable, "-c", TRAIN, name], env=env,
                                  universal_newlines=True)
    line, = [line for line in out.splitlines() if line.startswith("RESULT ")]
    return json.loads(line[len("RESULT "):])

cold, warm, dense, conv = [train(name) for name in ("mlp", "mlp", "dense", "conv")]
print("RESULT " + json.dumps({
    "cold first fit": cold["first"], "warm first fit": warm["first"],
    "dense epoch": dense["steady"], "conv epoch": conv["steady"],
    "details": {"cold": cold, "warm": warm, "dense": dense, "conv": conv}}))
"""


def measure(docker: str, image: str, cpu: str, candidate: Candidate) -> dict[str, Any]:
    """One container: every model once under this candidate."""
    name = f"theano-blas-{uuid.uuid4().hex[:12]}"
    settings = json.dumps(
        {k: getattr(candidate, k) for k in ("cxxflags", "blas", "coretype")}, sort_keys=True
    )
    command = [
        *(docker, "run", "--rm", "--interactive", "--name", name),
        *("--network", "none", "--read-only"),
        *("--cap-drop", "ALL", "--security-opt", "no-new-privileges", "--cpuset-cpus", cpu),
        *("--user", "12345:12345", "--tmpfs", "/scratch:exec,mode=1777"),
        *("--env", f"CANDIDATE={settings}", image, "python", "-"),
    ]
    try:
        done = subprocess.run(command, input=DRIVER, capture_output=True, text=True, check=False)
    except BaseException:  # an interrupted client leaves its container behind
        subprocess.run([docker, "rm", "--force", name], capture_output=True, check=False)
        raise
    lines = [line for line in done.stdout.splitlines() if line.startswith("RESULT ")]
    if done.returncode or len(lines) != 1:
        sys.exit(f"{candidate.name}: exit code {done.returncode}\n{done.stdout}{done.stderr}")
    result: dict[str, Any] = json.loads(lines[0].removeprefix("RESULT "))
    return result


def table(rounds: Sequence[Sequence[dict[str, Any]]], candidates: Sequence[Candidate]) -> str:
    """The smallest value of each candidate, and its ratio to the first candidate."""
    best = [
        {column: min(results[i][column] for results in rounds) for column in COLUMNS}
        for i in range(len(candidates))
    ]
    lines = ["| theanorc | " + " | ".join(COLUMNS) + " |", "|---|" + "---:|" * len(COLUMNS)]
    for candidate, values in zip(candidates, best, strict=True):
        cells = [f"{values[c]:.3g} s ({values[c] / best[0][c]:.2f})" for c in COLUMNS]
        lines.append(f"| {candidate.name} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n")[0])
    parser.add_argument("--image", required=True, help="the Theano image to measure in")
    parser.add_argument("--rounds", type=int, default=3, help="default: %(default)s")
    parser.add_argument("--cpu", default="0", help="the CPU to run on (default: %(default)s)")
    parser.add_argument("--docker", default="docker", help="the client (default: %(default)s)")
    parser.add_argument("--only", default="", help="candidates whose name has this text")
    parser.add_argument("--json", help="also write every result to this file")
    args = parser.parse_args()

    candidates = [c for c in CANDIDATES if args.only in c.name]
    rounds: list[list[dict[str, Any]]] = []
    for number in range(args.rounds):
        results = []
        for candidate in candidates:
            result = measure(args.docker, args.image, args.cpu, candidate)
            times = ", ".join(f"{column} {result[column]:.3g} s" for column in COLUMNS)
            print(f"round {number + 1}: {candidate.name}: {times}", file=sys.stderr)
            results.append(result)
        rounds.append(results)
        if args.json:
            with open(args.json, "w", encoding="utf-8") as file:
                json.dump([[c.name for c in candidates], rounds], file, indent=1)
    print(table(rounds, candidates))


if __name__ == "__main__":
    main()
