"""Prefixes of metrics that are not of a row's own samples: tables make rows of them."""

# Of the ways in which a stored run serves samples.
CARRIED, SHARED = "carried_", "shared_"
# Of what maps score that are not learned.
IDENTITY, AFFINE = "identity_", "affine_"
# Of real images other than fresh ones: training images, those of a published test split, and (of
# latents) what the decoder makes of those that were encoded.
TRAINING, OFFICIAL, DECODED = "training_", "official_", "decoded_"
# Of images made from evenly spread source points.
EVEN = "even_"
# Of images whose unknown pixels are those of another.
SWAPPED = "swapped_"
# In front of what is measured of images: in features, and in pixels.
FEATURE, PIXEL = "feature_", "pixel_"
# In front of the parameter of what regularises a flow.
STRENGTH = "strength_"
# In front of the smallest part of copies that a statistic finds.
PLANTED = "planted_"
# Of the samples of a model that learned other rows.
OTHER = "other_"
