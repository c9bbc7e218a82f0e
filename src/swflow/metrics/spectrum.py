"""Power of the waves of images."""

import numpy as np

BATCH_ROWS = 1000  # whose spectra are held at once


def fine_power(images: np.ndarray) -> float:
    """Mean power of the waves of images `(n, c, h, w)` that are shorter than four pixels."""
    height, width = images.shape[-2:]
    tall, wide = np.fft.fftfreq(height), np.fft.rfftfreq(width)
    fine = np.hypot(tall[:, None], wide) > 0.25
    parts = np.array_split(images, max(1, len(images) // BATCH_ROWS))
    power = sum(np.square(np.abs(np.fft.rfft2(part)[..., fine])).sum() for part in parts)
    return float(power / len(images))
