"""Array files that a container wrote."""

import io

import numpy

from tests.fuzz.guided import fuzz_targets, in_folder, run


def saved(value: object, *, packed: bool) -> bytes:
    content = io.BytesIO()
    if packed:
        numpy.savez_compressed(content, array=numpy.array(value))
    else:
        numpy.save(content, numpy.array(value))
    return content.getvalue()


if __name__ == "__main__":
    run(
        {
            "archive": in_folder(fuzz_targets.array_archive),
            "file": in_folder(fuzz_targets.array_file),
        },
        {
            "archive": saved([1.0, 2.0], packed=True),
            "file": saved([1.0, 2.0], packed=False),
            "file/objects": saved([True, False], packed=False),
        },
    )
