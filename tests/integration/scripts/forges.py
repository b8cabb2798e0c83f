"""Write something else than events where the probe writes its events."""

import glob

(path,) = glob.glob("/output/*/events.jsonl")
with open(path, "a") as file:
    file.write('{"event": "epoch", "id": 99, "epoch": 0, "seconds": 0, "metrics": {}}\n')
