"""Settings of networks, and of the loop that trains them."""

from typing import Annotated, Any, ClassVar, Literal

from pydantic import BeforeValidator, Field

from swflow.settings.base import Count, Kind, Positive, Settings


class NetworkSettings(Kind):
    """A multilayer perceptron modulated by time, entropy and class."""

    home: ClassVar[str] = "swflow.networks.mlp:ConditionedMLP"
    kind: Literal["mlp"] = "mlp"
    width: Count = Field(384, description="Of each hidden layer.")
    depth: Count = Field(4, description="Hidden layers.")


class UNetSettings(Kind):
    """A U-Net modulated by time, entropy and class: for images in pixels."""

    home: ClassVar[str] = "swflow.networks.unet:ConditionedUNet"
    for_images: ClassVar[bool] = True
    kind: Literal["unet"] = "unet"
    width: Annotated[int, Field(ge=8, multiple_of=8)] = Field(
        32, description="Channels at full size; twice and four times as many below."
    )
    blocks: Count = Field(1, description="Residual blocks of each level, on both sides.")


def _mlp_by_default(values: Any) -> Any:
    """Networks that do not say their kind are multilayer perceptrons."""
    return {"kind": "mlp"} | values if isinstance(values, dict) else values


AnyNetwork = Annotated[
    NetworkSettings | UNetSettings,
    Field(discriminator="kind"),
    BeforeValidator(_mlp_by_default),
]


class ConvolutionalSettings(Kind):
    """Convolutions whose sides are halved from level to level, never at full size."""

    home: ClassVar[str] = "swflow.networks.convolutional:Encoder"
    kind: Literal["convolutional"] = "convolutional"
    width: Annotated[int, Field(ge=8, multiple_of=8)] = Field(
        32, description="Channels at half the size; twice as many below."
    )


class ConvexNetworkSettings(Settings):
    """An input-convex network (Amos et al. 2017)."""

    width: Count = Field(64, description="Of each hidden layer.")
    depth: Count = Field(3, description="Hidden layers.")
    quadratic: bool = Field(
        True, description="With a term ½|Bx|², B a full matrix: affine maps are then exact."
    )


class OptimiserSettings(Settings):
    """The shared training loop: Adam, linear warm-up and cosine decay, averaged weights."""

    steps: Count = Field(4500, description="Steps of the optimiser.")
    batch_size: Count = Field(512, description="Pairs, or rows, of a step.")
    learning_rate: Positive = Field(2e-3, description="Largest rate, after the warm-up.")
    warmup: Annotated[float, Field(gt=0, lt=1)] = Field(
        0.05, description="Part of the steps over which the rate rises."
    )
    average_decay: Annotated[float, Field(ge=0, lt=1)] = Field(
        0.995, description="Decay of the exponential moving average of the weights."
    )
    clip_norm: Positive = Field(1.0, description="Largest norm of a gradient.")
    precision: Literal["bfloat16", "float32"] = Field(
        "bfloat16", description="Arithmetic of the products in training (weights are float32)."
    )


class GameOptimiserSettings(OptimiserSettings):
    """The same loop with the defaults of a max-min game, whose gradients are noisier."""

    steps: Count = Field(8000, description="Steps of the optimiser.")
    batch_size: Count = Field(1024, description="Rows of a step.")
    learning_rate: Positive = Field(5e-3, description="Largest rate, after the warm-up.")
    precision: Literal["bfloat16", "float32"] = Field(
        "float32", description="Arithmetic in training: maps that are gradients need float32."
    )
