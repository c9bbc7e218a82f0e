"""Local directions of images: each lives on one tile of a torus of pixels."""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Self

import torch
from torch import Generator, Tensor

from swflow.events import image_shape
from swflow.runtime.errors import InputError
from swflow.settings.slicing import LocalSettings
from swflow.sliced.directions.dense import BLOCK_ELEMENTS, random_directions
from swflow.sliced.directions.structured import StructuredDirections

# Numbers of a tile from which on its basis is a fast transform: a Haar one takes k³ operations.
FAST_FROM = 2048


@dataclass(frozen=True)
class Tiles:
    """Directions that live on tiles of as many numbers each: r of them on each of T tiles.

    places: where the k numbers of each tile lie in an event, `(T, k)`; rows: orthonormal rows over
    them, `(T, r, k)`.
    """

    places: Tensor
    rows: Tensor

    def __len__(self) -> int:
        return self.rows.shape[0] * self.rows.shape[1]

    def parts(self, n: int) -> Iterator[Self]:
        """About n directions at a time: some tiles, or some directions of one."""
        each = self.rows.shape[1]
        if n >= each:
            pieces = (of.split(n // each) for of in (self.places, self.rows))
            yield from (type(self)(*piece) for piece in zip(*pieces, strict=True))
            return
        for places, rows in zip(self.places, self.rows, strict=True):
            for few in rows.split(max(1, n)):
                yield type(self)(places[None], few[None])

    def project(self, x: Tensor) -> Tensor:
        """Of x `(n, d)`: a batch of products, `(T·r, n)`."""
        own = x[:, self.places.flatten()].unflatten(1, self.places.shape)
        return torch.bmm(self.rows, own.permute(1, 2, 0)).flatten(0, 1)

    def add_back(self, total: Tensor, moved: Tensor) -> None:
        """Another, added where the tiles lie."""
        of_tile = moved.unflatten(0, self.rows.shape[:2])
        own = torch.bmm(of_tile.mT, self.rows)  # (T, n, k)
        total.index_add_(1, self.places.flatten(), own.transpose(0, 1).flatten(1))


@dataclass(frozen=True)
class FastTile:
    """A whole basis of one large tile by fast transforms. places: `(k,)`."""

    places: Tensor
    inner: StructuredDirections

    def __len__(self) -> int:
        return len(self.inner)

    def parts(self, n: int) -> Iterator[Self]:
        """It is taken whole."""
        yield self

    def project(self, x: Tensor) -> Tensor:
        """Of x `(n, d)`: `(k, n)`."""
        return self.inner.project(x[:, self.places])

    def add_back(self, total: Tensor, moved: Tensor) -> None:
        """The same backwards."""
        own = total.new_zeros(len(total), len(self.places))
        self.inner.add_back(own, moved)
        total.index_add_(1, self.places, own)


Piece = Tiles | FastTile


@dataclass(frozen=True)
class LocalDirections:
    """Bases of R^d, each of directions that live on the tiles of one tiling of an image.

    Whatever is drawn, the mean of θθᵀ is exactly I/d. bases: the pieces of each basis.
    """

    bases: tuple[tuple[Piece, ...], ...]
    dim: int

    @property
    def shape(self) -> tuple[int, int]:
        """Number of directions and dimension."""
        return len(self), self.dim

    def __len__(self) -> int:
        return sum(len(piece) for basis in self.bases for piece in basis)

    def share(self, rank: int, size: int) -> Self:
        """Every size-th basis."""
        return type(self)(self.bases[rank::size], self.dim)

    def blocks(self, size: int) -> Iterator[Self]:
        """As many directions at a time as fill a block, of one basis."""
        for basis in self.bases:
            for piece in basis:
                device = piece.places.device.type
                elements = BLOCK_ELEMENTS.get(device, BLOCK_ELEMENTS["cpu"])
                for part in piece.parts(max(1, elements // size)):
                    yield type(self)(((part,),), self.dim)

    def project(self, x: Tensor) -> Tensor:
        """Projections of x `(n, d)`: `(L, n)`."""
        found = [piece.project(x) for basis in self.bases for piece in basis]
        return found[0] if len(found) == 1 else torch.cat(found)  # of a block: no copy

    def add_back(self, total: Tensor, moved: Tensor) -> None:
        """Add displacements `(L, n)` times directions to the total `(n, d)`."""
        pieces = [piece for basis in self.bases for piece in basis]
        sizes = [len(piece) for piece in pieces]
        for piece, own in zip(pieces, moved.split(sizes), strict=True):
            piece.add_back(total, own)

    def dense(self) -> Tensor:
        """The directions as a matrix `(L, d)`."""
        piece = self.bases[0][0]
        like = piece.rows if isinstance(piece, Tiles) else piece.inner.signs
        return self.project(torch.eye(self.dim, dtype=like.dtype, device=like.device))


def local_directions(
    event_shape: Sequence[int],
    tile: int | tuple[int, int],
    *,
    offset: tuple[int, int] | None = None,
    generator: Generator | None = None,
    dtype: torch.dtype | None = None,
) -> LocalDirections:
    """Draw one basis of d local directions of images; accepted wherever directions are.

    The image is a torus, cut into tiles of equal sides, all channels together, from `offset` on
    (default: at random); each tile has an orthonormal basis of its own, Haar-distributed (of 2,048
    numbers and more: by fast transforms, nearly so). The drift along them is that of the
    Wasserstein gradient flow of Σ k·½SW²(marginals on the tile), k the numbers of a tile.

    event_shape: (channels, height, width) or (height, width), which d flattened coordinates have;
    tile: a side, or (height, width). `.dense()` is the matrix `(d, d)`. Raises InputError for
    events that are no images, and tiles that do not divide them.
    """
    image = image_shape(tuple(event_shape))
    sides = _sides(tile, image)
    k, device = image[0] * math.prod(sides), None if generator is None else generator.device
    tiles = math.prod(image) // k
    bases = _bases(tiles, k, generator, dtype)
    if offset is None:
        down, right = (
            int(torch.randint(side, (), generator=generator, device=device)) for side in sides
        )
        offset = down, right
    places = tile_places(image, sides, offset).to(device)
    if isinstance(bases, Tensor):
        return LocalDirections(((Tiles(places, bases),),), tiles * k)
    whole = tuple(FastTile(*of) for of in zip(places, bases, strict=True))
    return LocalDirections((whole,), tiles * k)


def local(
    settings: LocalSettings,
    n: int,
    event_shape: tuple[int, ...],
    generator: Generator,
    dtype: torch.dtype,
) -> LocalDirections:
    """Draw n directions of events of a shape, a multiple of its dimension: bases of several tiles.

    Sides are drawn in their shares, as evenly as so many bases allow. Raises InputError as
    `local_directions` does.
    """
    image, dim = image_shape(event_shape), math.prod(event_shape)
    tiles = settings.tiles or default_tiles(*image[1:])
    for tile in tiles:
        _sides(tile, image)
    chosen = _in_shares(settings.shares or (1.0,) * len(tiles), n // dim, generator)
    bases = (
        local_directions(event_shape, tiles[number], generator=generator, dtype=dtype).bases
        for number in chosen
    )
    return LocalDirections(tuple(basis for (basis,) in bases), dim)


def _bases(
    tiles: int, k: int, generator: Generator | None, dtype: torch.dtype | None
) -> Tensor | list[StructuredDirections]:
    """A basis of R^k for each tile: `(tiles, k, k)`, or where k is large fast ones."""
    if k < FAST_FROM:
        rows = random_directions(tiles * k, k, generator=generator, dtype=dtype)
        return rows.reshape(tiles, k, k)
    device = None if generator is None else generator.device
    bits = torch.randint(2, (tiles, 1, 3, k), generator=generator, device=device)
    return [StructuredDirections(signs) for signs in (2 * bits - 1).to(dtype or torch.float32)]


def default_tiles(height: int, width: int) -> tuple[tuple[int, int], ...]:
    """The whole image, its parts with sides divided by each common divisor, and single pixels."""
    divisors = [k for k in range(1, math.gcd(height, width) + 1) if not (height % k or width % k)]
    sides = [*((height // k, width // k) for k in divisors), *((k, k) for k in divisors[::-1])]
    return tuple(dict.fromkeys(sides))


def tile_places(
    shape: tuple[int, int, int], sides: tuple[int, int], offset: tuple[int, int]
) -> Tensor:
    """Where the numbers of each tile lie in a flattened event: `(tiles, numbers of a tile)`."""
    channels, height, width = shape
    tall, wide = sides
    places = torch.arange(math.prod(shape)).reshape(shape)
    places = places.roll((-offset[0], -offset[1]), (1, 2))
    places = places.reshape(channels, height // tall, tall, width // wide, wide)
    return places.permute(1, 3, 0, 2, 4).reshape(-1, channels * tall * wide)


def _in_shares(shares: Sequence[float], n: int, generator: Generator) -> list[int]:
    """Numbers drawn n times in their shares, evenly: one random number for all."""
    if len(shares) == 1:
        return [0] * n
    first = float(torch.rand((), generator=generator, device=generator.device))
    ends = [end / sum(shares) for end in accumulate(shares)]
    levels = [(first + index) / n for index in range(n)]
    return [min(sum(end <= level for end in ends), len(ends) - 1) for level in levels]


def _sides(tile: int | tuple[int, int], image: tuple[int, int, int]) -> tuple[int, int]:
    """Height and width of tiles. Raises InputError where they do not divide the image."""
    sides = (tile, tile) if isinstance(tile, int) else tile
    _, height, width = image
    if min(sides) < 1 or height % sides[0] or width % sides[1]:
        raise InputError(
            f"tiles of {sides[0]} x {sides[1]} do not divide images of {height} x {width} pixels: "
            "use sides that divide them."
        )
    return sides
