"""Measure the host side at 10, 1,000 and 10,000 records: planning, comparing and memory.

    python benchmarks/host.py [COUNT...]

It needs no engine. The records are copies of one record of the tutorial's case, each with other
figures. It prints a Markdown table; each row is measured in a process of its own.
"""

import json
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COUNTS = (10, 1_000, 10_000)
IMAGES = ("tf", "theano")
EPOCHS = 20


def make_run(folder, count):
    """Write a run of ``count`` records, half of them on each image."""
    from keras_matrix.records import checksum
    from keras_matrix.records.events import AppliedLimits, Environment, Layer, ModelDescription
    from keras_matrix.records.files import to_json
    from keras_matrix.records.folder import RunFolder
    from keras_matrix.records.observation import Call, Epoch, Observation
    from keras_matrix.records.record import Manifest, Outcome, Record, Timing

    draw = random.Random(0)
    plan = plan_cells(count)
    run = RunFolder(folder)
    manifest = Manifest(
        tool="benchmark",
        run=folder.name,
        created="",
        script="model.py",
        command=(),
        plan=plan,
        keras_json={},
        finished=tuple(cell.id for cell in plan.cells),
    )
    environment = Environment(
        python="3.6.15",
        platform="Linux",
        cpu_model="a processor",
        cpu_count=1,
        keras="2.3.1",
        backend="tensorflow",
        floatx="float32",
        epsilon=1e-7,
        image_data_format="channels_last",
        packages={f"package-{number}": "1.2.3" for number in range(40)},
        variables={"OMP_NUM_THREADS": "1", "PYTHONHASHSEED": "0"},
        backend_config={},
        limits=AppliedLimits(memory=2.0**32, pids=256.0, cpus=1.0),
        uid=10001,
        import_seconds=1.0,
    )
    layers = [Layer(f"dense_{number}", "Dense", "(None, 64)", 4160) for number in range(5)]
    model = ModelDescription(
        "sequential_1", "Sequential", layers, 5569, "RMSprop", "binary_crossentropy"
    )
    (folder / "records").mkdir(parents=True)
    (folder / "manifest.json").write_bytes(checksum.seal(to_json(manifest)))
    for cell in plan.cells:
        metrics = [
            {"loss": 0.7 + draw.gauss(0, 0.01), "accuracy": 0.5 + draw.gauss(0, 0.02)}
            for _ in range(EPOCHS)
        ]
        fit = Call(
            kind="fit",
            name="fit",
            model="sequential_1",
            site="model.py:33",
            finished=True,
            seconds=draw.uniform(0.5, 1.0),
            first_batch_seconds=draw.uniform(0.3, 0.4),
            metrics=metrics[-1],
            epochs=[Epoch(e, draw.uniform(0.01, 0.02), m) for e, m in enumerate(metrics)],
        )
        evaluate = Call(
            kind="evaluate",
            name="evaluate",
            model="sequential_1",
            site="model.py:36",
            finished=True,
            seconds=draw.uniform(0.05, 0.1),
            metrics=metrics[0],
        )
        record = Record(
            tool="benchmark",
            run=folder.name,
            model="mlp",
            script_sha256="0" * 64,
            arguments=(),
            cell=cell,
            image=None,
            outcome=Outcome.OK,
            reason="",
            started="",
            timing=Timing(),
            exit_code=0,
            observation=Observation(environment=environment, models=[model], calls=[fit, evaluate]),
        )
        run.record_path(cell).write_bytes(checksum.seal(to_json(record)))


def plan_cells(count):
    from keras_matrix.plan.schedule import PlanRequest, make_plan

    return make_plan(
        PlanRequest(seeds=range(count // 2)),
        model="mlp",
        script_sha256="0" * 64,
        images=IMAGES,
    )


def child(what, folder, count):
    """Measure one thing in this process; print seconds and bytes."""
    from keras_matrix.cli import invoke
    from keras_matrix.cli.root import cli

    # The import is not what is measured.
    plan_cells(2)
    start = time.perf_counter()
    if what == "plan":
        plan_cells(count)
    else:
        invoke(cli, ["diff", folder, "--json"])
    seconds = time.perf_counter() - start
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
    print(json.dumps({"seconds": seconds, "bytes": peak}), file=sys.stderr)


def measure(what, folder, count):
    done = subprocess.run(
        [sys.executable, __file__, "--child", what, str(folder), str(count)],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=True,
    )
    return json.loads(done.stderr.splitlines()[-1])


def main(counts):
    print("| records | planning, s | diff, s | diff, ms a record | diff, peak MiB |")
    print("| ---: | ---: | ---: | ---: | ---: |")
    for count in counts:
        with tempfile.TemporaryDirectory() as root:
            folder = Path(root) / "run"
            make_run(folder, count)
            plan = measure("plan", folder, count)
            diff = measure("diff", folder, count)
        print(
            f"| {count:,} | {plan['seconds']:.3f} | {diff['seconds']:.2f} "
            f"| {diff['seconds'] / count * 1000:.2f} | {diff['bytes'] / 2**20:.0f} |"
        )


if __name__ == "__main__":
    if sys.argv[1:2] == ["--child"]:
        child(sys.argv[2], sys.argv[3], int(sys.argv[4]))
    else:
        main([int(count) for count in sys.argv[1:]] or COUNTS)
