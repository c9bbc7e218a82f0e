"""Closed forms of the flow between Gaussians: what simulations are held against.

Time units τ = t/d and ε = d·λ throughout.
"""

from collections.abc import Callable, Sequence

import numpy as np

# Enough for .3 % of H, and .5 to .9 % of the covariance at τ = 2, from 8 to 32 dimensions.
QUADRATURE_DIRECTIONS = 2**16


def gaussian_flow(
    mean0: np.ndarray,
    covariance0: np.ndarray,
    mean1: np.ndarray,
    covariance1: np.ndarray,
    entropy: float,
    times: Sequence[float],
) -> tuple[np.ndarray, np.ndarray]:
    """Mean `(T, d)` and covariance `(T, d, d)` of the flow from N(mean0, ·) to N(mean1, ·).

    m' = m₁ − m, and Σ' = HΣ + ΣH + 2εI with H = d·E_θ[√(θᵀΣ₁θ / θᵀΣθ) θθᵀ] − I (Ito & Dong,
    Distribution Steering via Sliced OT Control, Prop. 2, with the entropy's diffusion added).
    For isotropic laws this is s' = s₁ − s + ε/s, whatever the dimension.
    """
    dim = len(mean0)
    if dim > 1 and all(_isotropic(each) for each in (covariance0, covariance1)):
        one = (covariance0[:1, :1], covariance1[:1, :1])
        _, variances = gaussian_flow(mean0[:1], one[0], mean1[:1], one[1], entropy, times)
        return _relaxed(mean0, mean1, times), variances * np.eye(dim)
    linear_drift = _linear_drift(covariance1)

    def slope(_: float, flat: np.ndarray) -> np.ndarray:
        sigma = flat.reshape(dim, dim)
        h = linear_drift(sigma)
        return (h @ sigma + sigma @ h + 2 * entropy * np.eye(dim)).ravel()

    from scipy.integrate import solve_ivp  # a third of a second, which few jobs need

    solution = solve_ivp(
        slope, (0.0, max(times)), covariance0.ravel(), t_eval=times, rtol=1e-6, atol=1e-8
    )
    return _relaxed(mean0, mean1, times), solution.y.T.reshape(-1, dim, dim)


def gaussian_map(covariance0: np.ndarray, covariance1: np.ndarray, time: float) -> np.ndarray:
    """Where the flow between centred Gaussians carries x₀ to by a time: A x₀, A of shape `(d, d)`.

    Without entropy the drift at Σ is H(Σ)x (see `gaussian_flow`), so A' = H(A Σ₀ Aᵀ) A, A = I at 0.
    """
    dim = len(covariance0)
    linear_drift = _linear_drift(covariance1)

    def slope(_: float, flat: np.ndarray) -> np.ndarray:
        a = flat.reshape(dim, dim)
        return (linear_drift(a @ covariance0 @ a.T) @ a).ravel()

    from scipy.integrate import solve_ivp  # a third of a second, which few jobs need

    solution = solve_ivp(slope, (0.0, time), np.eye(dim).ravel(), rtol=1e-8, atol=1e-10)
    return np.asarray(solution.y[:, -1].reshape(dim, dim))


def _linear_drift(covariance1: np.ndarray) -> Callable[[np.ndarray], np.ndarray]:
    """H of `gaussian_flow`, of the covariance that the particles have."""
    dim = len(covariance1)
    directions = _quadrature(dim)
    target = np.einsum("li,li->l", directions @ covariance1, directions)

    def of(covariance: np.ndarray) -> np.ndarray:
        current = np.einsum("li,li->l", directions @ covariance, directions)
        weighted = directions * np.sqrt(target / current)[:, None]
        return np.asarray(dim * weighted.T @ directions / len(directions) - np.eye(dim))

    return of


def _relaxed(mean0: np.ndarray, mean1: np.ndarray, times: Sequence[float]) -> np.ndarray:
    return mean1 + (mean0 - mean1) * np.exp(-np.asarray(times))[:, None]


def _isotropic(covariance: np.ndarray) -> bool:
    return np.array_equal(covariance, covariance[0, 0] * np.eye(len(covariance)))


def _quadrature(dim: int) -> np.ndarray:
    """Directions to average over: even angles in the plane, else fixed orthonormal blocks."""
    if dim == 1:
        return np.ones((1, 1))
    if dim == 2:
        angles = np.pi * (np.arange(QUADRATURE_DIRECTIONS) + 0.5) / QUADRATURE_DIRECTIONS
        return np.stack([np.cos(angles), np.sin(angles)], axis=1)
    normal = np.random.default_rng(0).standard_normal((-(-QUADRATURE_DIRECTIONS // dim), dim, dim))
    return np.linalg.qr(normal)[0].reshape(-1, dim)
