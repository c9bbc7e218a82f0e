"""Explicit randomness: every stream of random numbers is keyed by what it is for."""

import hashlib

import torch


def stream_seed(*key: int | str) -> int:
    """A 63-bit seed that depends on every part of `key`, such as `(seed, "simulate", step)`."""
    digest = hashlib.sha256(repr(key).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def keyed_generator(*key: int | str, device: torch.device | str = "cpu") -> torch.Generator:
    """A generator for the stream named by `key`; other keys give independent streams."""
    return torch.Generator(device=device).manual_seed(stream_seed(*key))


def fresh_key(generator: torch.Generator | None) -> int:
    """An integer drawn from `generator` (None: torch's own), to key the streams of one call."""
    device = generator.device if generator is not None else "cpu"
    return int(torch.randint(2**62, (), generator=generator, device=device))
