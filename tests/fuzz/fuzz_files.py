"""Files that users write."""

from tests import ROOT
from tests.fuzz.guided import fuzz_targets, in_folder, run

DOCKER = ROOT / "docker" / "images.toml"
TOLERANCES = b'schema = 1\n[[tolerance]]\nmetric = "evaluate.*"\natol = 1e-3\nrtol = 0.5\n'
REPORTED = b"""schema = 1
[source]
title = "A paper"
[[figure]]
image = "tf"
metric = "fit.seconds"
value = 12.5
unit = "s"
[[claim]]
text = "faster"
metric = "fit.seconds"
better = "tf"
than = "theano"
direction = "lower"
"""
CONFIGURATION = b"[tool.pytest.ini_options]\na = 1\n[pytest]\nb = 2\n c\n[tool:pytest]\n"
NOTEBOOK = b"""{"cells": [{"cell_type": "code", "execution_count": null, "metadata": {},
"outputs": [],
"source": ["%time x = 1\\n", "!ls\\n", "print(x)"]}], "metadata": {}, "nbformat": 4,
"nbformat_minor": 4}"""
SCRIPT = b"from keras.datasets import mnist as m\n(x, y), _ = m.load_data()\n"

if __name__ == "__main__":
    run(
        {
            "catalog": in_folder(fuzz_targets.catalog_file),
            "tolerances": in_folder(fuzz_targets.tolerance_file),
            "reported": in_folder(fuzz_targets.reported_file),
            "configuration": in_folder(fuzz_targets.pytest_configuration),
            "notebook": fuzz_targets.notebook_file,
            "script": fuzz_targets.script_source,
        },
        {
            "catalog": DOCKER.read_bytes(),
            "tolerances": TOLERANCES,
            "reported": REPORTED,
            "configuration": CONFIGURATION,
            "notebook": NOTEBOOK,
            "script": SCRIPT,
        },
    )
