"""What a container tells: its events, the index of a trace, and a file that is followed."""

from tests.fuzz.guided import fuzz_targets, in_folder, run

EVENTS = b"""{"event":"start","protocol":1}
{"event":"call_start","id":1,"kind":"fit","name":"fit","model":"m","site":"model.py:3"}
{"event":"train_begin","id":1,"params":{"epochs":2}}
{"event":"first_batch","id":1,"seconds":0.5,"compiled":3}
{"event":"epoch","id":1,"epoch":0,"seconds":0.7,"metrics":{"loss":0.5,"acc":"nan"}}
{"event":"call_end","id":1,"seconds":1,"cpu_seconds":1,"metrics":{},"params":{},"arrays":[]}
{"event":"suite","pytest":"7.0","collected":1,"deselected":0}
{"event":"case_start","test":"a.py::test"}
{"event":"case_end","test":"a.py::test","outcome":"passed","phase":"call","seconds":1,"message":"","place":""}
{"event":"end","status":"ok","exit_code":0,"error":null,"seconds":3.0,"cpu_seconds":2.0,"peak_memory":1,"keras_backend_variable":null}
"""
INDEX = b"""{"entry":"stage","name":"forward"}
{"entry":"array","what":"output","name":"dense","when":"0","file":"1.npy","shape":[2,null],"dtype":"float32"}
{"entry":"model","name":"m","optimizer":{},"loss":null,"metrics":[],"phases":["1"],"outputs":[["a",0]]}
{"entry":"repeated","spread":"nan"}
"""

if __name__ == "__main__":
    run(
        {
            "events": fuzz_targets.event_stream,
            "index": in_folder(fuzz_targets.trace_index),
            "tail": in_folder(fuzz_targets.tail),
        },
        {"events": EVENTS, "index": INDEX, "tail": b"a{}\n\xffm{}\xfft{\xffr}\n\xffl"},
    )
