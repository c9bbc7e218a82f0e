"""Radix sorts of rows of single-precision numbers, compiled by Numba when first used.

Each row is read as 32-bit keys, sorted by three digits of 11, 11 and 10 bits, the lowest first.
The kernels release the GIL, so that threads can share rows.
"""

import numpy as np
from numba import njit

_BUCKETS = 1 << 11
_SIGN, _ALL, _LOW = np.uint32(1 << 31), np.uint32(0xFFFFFFFF), np.uint32(_BUCKETS - 1)
_ONE, _SECOND, _THIRD = np.uint32(1), np.uint32(11), np.uint32(22)  # where digits begin
_HALF, _INDEX = np.uint64(32), np.uint64(0xFFFFFFFF)  # of a key and an index in one number


@njit(nogil=True, cache=True)
def _key(bits: np.uint32) -> np.uint32:
    """Floats order as unsigned integers: flip all bits of negative ones, else the sign."""
    return np.uint32(bits ^ _ALL) if bits & _SIGN else np.uint32(bits ^ _SIGN)


@njit(nogil=True, cache=True)
def _bits(key: np.uint32) -> np.uint32:
    return np.uint32(key ^ _SIGN) if key & _SIGN else np.uint32(key ^ _ALL)


@njit(nogil=True, cache=True)
def _count(bits: np.ndarray, starts: np.ndarray) -> None:
    """Where the buckets of each digit of one row's keys start: `(3, buckets)`."""
    starts[:] = 0
    for i in range(bits.size):
        key = _key(bits[i])
        starts[0, key & _LOW] += _ONE
        starts[1, (key >> _SECOND) & _LOW] += _ONE
        starts[2, key >> _THIRD] += _ONE
    for digit in range(3):
        total = np.uint32(0)
        for bucket in range(_BUCKETS):
            count = starts[digit, bucket]
            starts[digit, bucket] = total
            total = np.uint32(total + count)


@njit(nogil=True, cache=True)
def _place(starts: np.ndarray, digit: np.uint32) -> np.uint32:
    """The next free place of a bucket, which is then taken."""
    place = starts[digit]
    starts[digit] = np.uint32(place + _ONE)
    return place


@njit(nogil=True, cache=True)
def sort(x: np.ndarray, ordered: np.ndarray) -> None:
    """Sort each row of x `(L, n)` into `ordered`."""
    rows, n = x.shape
    source, sink = x.view(np.uint32), ordered.view(np.uint32)
    one, other = np.empty(n, np.uint32), np.empty(n, np.uint32)
    starts = np.empty((3, _BUCKETS), np.uint32)
    for row in range(rows):
        _count(source[row], starts)
        for i in range(n):
            key = _key(source[row, i])
            one[_place(starts[0], key & _LOW)] = key
        for i in range(n):
            key = one[i]
            other[_place(starts[1], (key >> _SECOND) & _LOW)] = key
        for i in range(n):
            key = other[i]
            sink[row, _place(starts[2], key >> _THIRD)] = _bits(key)


@njit(nogil=True, cache=True)
def displace(x: np.ndarray, goals: np.ndarray, out: np.ndarray, ordered: np.ndarray) -> None:
    """Goal of its rank minus number, for each of x `(L, n)`; sorted rows too if there is room.

    Keys travel with their index in one 64-bit number: one stream to memory instead of two.
    """
    rows, n = x.shape
    source = x.view(np.uint32)
    one, other = np.empty(n, np.uint64), np.empty(n, np.uint64)
    sorted_bits, starts = np.empty(n, np.uint32), np.empty((3, _BUCKETS), np.uint32)
    values = sorted_bits.view(np.float32)
    for row in range(rows):
        _count(source[row], starts)
        for i in range(n):
            key = _key(source[row, i])
            one[_place(starts[0], key & _LOW)] = (np.uint64(key) << _HALF) | np.uint64(i)
        for i in range(n):
            key = np.uint32(one[i] >> _HALF)
            other[_place(starts[1], (key >> _SECOND) & _LOW)] = one[i]
        for i in range(n):
            key = np.uint32(other[i] >> _HALF)
            one[_place(starts[2], key >> _THIRD)] = other[i]
        for rank in range(n):
            sorted_bits[rank] = _bits(np.uint32(one[rank] >> _HALF))
        for rank in range(n):
            out[row, one[rank] & _INDEX] = goals[row, rank] - values[rank]
        if ordered.size:
            ordered[row] = values
