"""HDF5 files of strangers: what the library would never come back from is refused first."""

import mmap
import struct
from pathlib import Path

import h5py

# Of a global heap, in which text of any length lies: its header (signature, version, size), and
# that of each object (number, references, size), both of 16 bytes where sizes have 8.
HEAP, HEADER_BYTES, SIZE_BYTES = b"GCOL\1\0\0\0", 16, 8
MOST_OBJECTS = 5_000_000  # some seconds


def open_hdf5(path: Path) -> h5py.File:
    """A file to be read. Raises OSError for one whose heaps would hold the library for ever."""
    file = h5py.File(path)
    try:
        if file.id.get_create_plist().get_sizes() != (SIZE_BYTES, SIZE_BYTES):
            raise OSError("sizes in it are of other than 8 bytes")
        _check_heaps(path)
    except BaseException:
        file.close()
        raise
    return file


def _check_heaps(path: Path) -> None:
    """HDF5 2.0 looks at a free object of no size for ever (`H5HG__cache_heap_deserialize`)."""
    n_objects = 0
    with path.open("rb") as raw, mmap.mmap(raw.fileno(), 0, access=mmap.ACCESS_READ) as content:
        begin = content.find(HEAP)
        while 0 <= begin <= len(content) - HEADER_BYTES:
            (size,) = struct.unpack_from("<8xQ", content, begin)
            at, end = begin + HEADER_BYTES, begin + size
            while at + HEADER_BYTES <= min(end, len(content)):
                number, size = struct.unpack_from("<H6xQ", content, at)
                n_objects += 1
                if number == size == 0:
                    raise OSError("it is damaged: a heap without an end")
                if n_objects > MOST_OBJECTS:
                    raise OSError(f"more than {MOST_OBJECTS} texts in it")
                at += size if number == 0 else HEADER_BYTES + -(-size // 8) * 8
            begin = content.find(HEAP, begin + 1)
