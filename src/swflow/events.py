"""What the numbers of a point are: the shapes of events."""

from swflow.runtime.errors import InputError


def image_shape(event_shape: tuple[int, ...]) -> tuple[int, int, int]:
    """Channels, height and width of events. Raises InputError where they are no images."""
    if len(event_shape) not in (2, 3):
        raise InputError(
            f"rows of shape {event_shape} are no images: needed are (height, width) or (channels, "
            "height, width)."
        )
    channels, height, width = (1, *event_shape)[-3:]
    return channels, height, width
