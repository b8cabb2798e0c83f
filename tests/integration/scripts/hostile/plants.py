"""Plant code where the next cells look for what Theano has compiled."""

import glob
import os
import pickle
import shutil

import keras.backend as K
from attempts import train

(folder,) = glob.glob("/output/*")
MARK = "planted code ran"


class Planted:
    """Tells that it was loaded, and in which process."""

    def __reduce__(self):
        return os.write, (2, (f"{MARK}: {os.getppid()}\n").encode())


print("FOUND", sorted(os.listdir("/compiled")) if os.path.isdir("/compiled") else None, flush=True)
train()
if K.backend() == "theano" and not glob.glob("/compiled/planted*"):
    for target in ("/scratch/theano", os.path.join(folder, "compiled")):
        for entry in ("planted", "cutils_ext", "lazylinker_ext"):
            path = os.path.join(target, entry)
            shutil.rmtree(path, ignore_errors=True)
            os.makedirs(path)
            with open(os.path.join(path, "key.pkl"), "wb") as file:
                pickle.dump(Planted(), file)
            with open(os.path.join(path, entry + ".so"), "wb") as file:
                file.write(b"no module")
print("PLANTED", flush=True)
