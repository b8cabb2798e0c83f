"""Trace the networks of ``keras.applications``, and print where the backends start to differ.

    python benchmarks/nets.py [NET...] [--reference tf] [--other theano] [--steps 1]

The weights are random, with ten classes and batches of 2. A network takes minutes, most of them in
Theano's optimizer. Traces are kept in ``results/nets``, and a network whose trace is there is not
traced again. It prints a Markdown table.
"""

import argparse
import json
import subprocess
import sys
from pathlib import Path

# Module, and the side of the images in pixels: 64, or the smallest that the network accepts.
NETS = {
    "VGG16": ("vgg16", 64),
    "VGG19": ("vgg19", 64),
    "MobileNet": ("mobilenet", 64),
    "MobileNetV2": ("mobilenet_v2", 64),
    "ResNet50": ("resnet50", 64),
    "ResNet50V2": ("resnet_v2", 64),
    "InceptionV3": ("inception_v3", 75),
    "Xception": ("xception", 71),
    "DenseNet121": ("densenet", 64),
    "NASNetMobile": ("nasnet", 64),
}
SCRIPT = """\
import sys

import numpy as np
from keras.applications.{module} import {net}

# Theano walks graphs by recursion.
sys.setrecursionlimit(20000)
np.random.seed(0)
x = np.random.rand(2, {size}, {size}, 3)
y = np.eye(10)[np.random.randint(0, 10, 2)]
model = {net}(weights=None, input_shape=({size}, {size}, 3), classes=10)
model.compile(optimizer="sgd", loss="categorical_crossentropy")
model.fit(x, y, epochs=1, batch_size=2, verbose=0)
"""
COMMAND = (sys.executable, "-m", "keras_matrix", "trace")


def trace(net, results, images, timeout, steps):
    """Trace a network; return the trace, or the error."""
    module, size = NETS[net]
    folder = results / "scripts"
    folder.mkdir(parents=True, exist_ok=True)
    script = folder / f"{net}.py"
    script.write_text(SCRIPT.format(module=module, net=net, size=size))
    kept = results / net / "trace.json"
    if not kept.exists():
        done = subprocess.run(
            [
                *(
                    *COMMAND,
                    script,
                    "--on",
                    ",".join(images),
                    "--no-training",
                    "--steps",
                    str(steps),
                ),
                *("--results", results, "--run", net, "--json", "--timeout", str(timeout)),
            ],
            stdout=subprocess.PIPE,
            check=False,
        )
        if done.returncode not in (0, 1):
            return f"keras-matrix trace ended with status {done.returncode}"
    return json.loads(kept.read_text())


def row(net, found):
    """Return a network's row of the table."""
    if isinstance(found, str):
        return f"| {net} | | | {found} |"
    (image,) = found["images"]
    real = [one for one in image["findings"] if one["origin"] == "differs by itself"]
    seconds = ", ".join(f"{name} {value:.0f}" for name, value in found["seconds"].items())
    parts = []
    for kind in dict.fromkeys(one["kind"] for one in real):
        same = [one for one in real if one["kind"] == kind]
        layer = f" ({same[0]['layer']})" if same[0]["layer"] else ""
        more = f" and {len(same) - 1} more" if len(same) > 1 else ""
        why = f": {same[0]['hint']['text']}" if same[0].get("hint") else ""
        parts.append(f"**{kind}** `{same[0]['where']}`{layer}, {same[0]['what']}{more}{why}")
    return f"| {net} | {found['layers']} | {seconds} | {'; '.join(parts) or 'none'} |"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("nets", nargs="*", default=list(NETS), metavar="NET")
    parser.add_argument("--reference", default="tf")
    parser.add_argument("--other", default="theano")
    parser.add_argument("--results", type=Path, default=Path("results/nets"))
    parser.add_argument("--timeout", type=int, default=3600)
    parser.add_argument("--steps", type=int, default=1, help="of the optimizer; 0 saves half")
    chosen = parser.parse_args()
    print("| network | layers | seconds of the first look | first difference of each kind |")
    print("| --- | ---: | --- | --- |")
    for net in chosen.nets or NETS:
        images = (chosen.reference, chosen.other)
        found = trace(net, chosen.results, images, chosen.timeout, chosen.steps)
        print(row(net, found), flush=True)


if __name__ == "__main__":
    main()
