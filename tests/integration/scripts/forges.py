"""Write something else than events where the probe writes its events."""

with open("/output/events.jsonl", "a") as file:
    file.write('{"event": "epoch", "id": 99, "epoch": 0, "seconds": 0, "metrics": {}}\n')
