"""View channels: shapes, ranges, dtypes, seeding, and that every example of a batch is drawn on its own."""

import math
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from mvib.data.channels import ChannelError, augment, crop, mask, noise, select, strong, weak
from mvib.data.channels.photometry import blur_images, erase_images, jitter_images, to_grey
from mvib.data.channels.recipe import Recipe, choose_recipe

DIGIT = (1, 8, 8)
COLOUR = (3, 32, 32)
LARGE = (3, 64, 48)
IMAGE_CHANNELS = {
    "augment": augment,
    "strong": strong,
    "weak": weak,
    "crop": crop,
}
ALL_CHANNELS: dict[str, Callable[[tuple[int, ...]], nn.Module]] = {**IMAGE_CHANNELS, "noise": noise, "mask": mask}


def draw(channel: nn.Module, examples: Tensor, *, seed: int) -> Tensor:
    torch.manual_seed(seed)
    views = channel(examples)
    assert isinstance(views, Tensor)
    return views


def images(shape: tuple[int, ...], *, count: int = 32, dtype: torch.dtype = torch.float32) -> Tensor:
    generator = torch.Generator().manual_seed(7)
    return torch.rand(count, *shape, generator=generator).to(dtype)


@pytest.mark.parametrize("shape", [DIGIT, COLOUR, (3, 70, 64), (2, 9, 5), (1, 1, 1)])
@pytest.mark.parametrize("name", IMAGE_CHANNELS)
def test_views_have_the_shape_and_the_range_of_their_images(name: str, shape: tuple[int, ...]) -> None:
    views = draw(IMAGE_CHANNELS[name](shape), images(shape), seed=0)
    assert views.shape == (32, *shape)
    assert views.min() >= 0.0
    assert views.max() <= 1.0


@pytest.mark.parametrize("shape", [DIGIT, COLOUR])
@pytest.mark.parametrize("name", ALL_CHANNELS)
def test_a_seed_repeats_the_views_and_another_seed_or_draw_changes_them(name: str, shape: tuple[int, ...]) -> None:
    channel, examples = ALL_CHANNELS[name](shape), images(shape)
    first = draw(channel, examples, seed=3)
    second_draw = channel(examples)
    assert torch.equal(first, draw(channel, examples, seed=3))
    assert not torch.equal(first, draw(channel, examples, seed=4))
    assert not torch.equal(first, second_draw)


@pytest.mark.parametrize("shape", [DIGIT, COLOUR])
@pytest.mark.parametrize("name", ALL_CHANNELS)
def test_each_example_of_a_batch_is_drawn_on_its_own(name: str, shape: tuple[int, ...]) -> None:
    copies = images(shape, count=1).expand(16, *shape)
    views = draw(ALL_CHANNELS[name](shape), copies, seed=0).flatten(start_dim=1)
    assert len(torch.unique(views, dim=0)) == 16


@pytest.mark.parametrize("dtype", [torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("shape", [DIGIT, LARGE])
@pytest.mark.parametrize("name", ALL_CHANNELS)
def test_the_dtype_is_kept(name: str, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    views = draw(ALL_CHANNELS[name](shape), images(shape, count=4, dtype=dtype), seed=0)
    assert views.dtype == dtype
    assert views.isfinite().all()


@pytest.mark.parametrize("name", ALL_CHANNELS)
def test_channels_run_on_the_meta_device_for_shape_inference(name: str) -> None:
    views = ALL_CHANNELS[name](LARGE)(torch.empty(4, *LARGE, device="meta"))
    assert views.shape == (4, *LARGE)


@pytest.mark.parametrize("name", ALL_CHANNELS)
def test_channels_leave_their_input_as_it_was(name: str) -> None:
    examples = images(DIGIT)
    before = examples.clone()
    ALL_CHANNELS[name](DIGIT)(examples)
    assert torch.equal(examples, before)


def test_a_recipe_without_changes_returns_the_image() -> None:
    examples = images(COLOUR)
    still = augment(COLOUR, crop=(1.0, 1.0), flip=0.0, jitter=0.0, gray=0.0, blur=0.0)
    assert torch.equal(still(examples), examples)


def test_a_certain_flip_mirrors_the_image() -> None:
    examples = images(COLOUR)
    flipped = augment(COLOUR, crop=(1.0, 1.0), flip=1.0, jitter=0.0, gray=0.0)(examples)
    # Places are computed in float32, so a pixel may be read a rounding error beside its centre.
    torch.testing.assert_close(flipped, examples.flip(-1), rtol=0, atol=1e-5)


def test_a_flip_falls_on_its_share_of_the_examples() -> None:
    ramp = torch.linspace(0, 1, 8).expand(4000, 3, 8, 8)
    flipped = draw(crop((3, 8, 8), area=(1.0, 1.0), flip=0.25), ramp, seed=0)
    share = (flipped[:, 0, 0, 0] > 0.5).float().mean().item()
    # Four standard deviations of a proportion of 4000 draws.
    assert share == pytest.approx(0.25, abs=4 * math.sqrt(0.25 * 0.75 / 4000))


def test_a_translation_shifts_by_at_most_its_share() -> None:
    examples = torch.zeros(500, 1, 16, 16)
    examples[:, :, 8, 8] = 1.0
    views = draw(weak((1, 16, 16), translate=0.125), examples, seed=0)
    place = torch.arange(16.0)
    column = (views.sum(dim=(1, 2)) * place).sum(dim=1)
    row = (views.sum(dim=(1, 3)) * place).sum(dim=1)
    for centre in (column, row):
        assert (centre - 8).abs().max() <= 2.0 + 1e-4
        assert (centre - 8).abs().max() > 1.8


def test_a_rotation_keeps_distances_in_pixels_of_an_image_that_is_not_square() -> None:
    far = torch.zeros(300, 1, 33, 17)
    far[:, :, 16, 14] = 1.0
    rotated = draw(
        augment((1, 33, 17), crop=(1.0, 1.0), jitter=0.0, rotate=40.0, translate=0.0, scale=(1.0, 1.0), shear=0.0),
        far,
        seed=0,
    )
    mass = rotated.sum(dim=(1, 2, 3))
    row = (rotated.sum(dim=(1, 3)) * torch.arange(33.0)).sum(dim=1) / mass - 16
    column = (rotated.sum(dim=(1, 2)) * torch.arange(17.0)).sum(dim=1) / mass - 8
    # Bilinear reading moves the centre of a single pixel by less than a third of a pixel.
    torch.testing.assert_close(torch.hypot(row, column), torch.full((300,), 6.0), rtol=0, atol=0.35)
    assert row.abs().max() > 3.0


def test_crops_stay_inside_the_image() -> None:
    views = draw(crop(DIGIT, area=(0.1, 1.0)), torch.ones(500, *DIGIT), seed=0)
    # Outside of one-channel images there are zeros; the half pixel at the edge is where bilinear reading meets them.
    assert (views[:, :, 1:-1, 1:-1] > 0.999).all()


def test_grey_images_have_equal_channels_and_the_luma_of_the_colour() -> None:
    examples = images(COLOUR)
    grey = augment(COLOUR, crop=(1.0, 1.0), flip=0.0, jitter=0.0, gray=1.0)(examples)
    torch.testing.assert_close(grey, to_grey(examples).expand_as(examples))
    assert to_grey(torch.ones(1, 3, 1, 1)).item() == pytest.approx(1.0)


def test_jitter_of_strength_zero_changes_nothing() -> None:
    examples = images(COLOUR)
    # The way to hue and back rounds.
    torch.testing.assert_close(jitter_images(examples, strength=0.0), examples, rtol=0, atol=1e-5)


def test_jitter_turns_hue_and_keeps_grey_images_grey() -> None:
    grey = images((1, 6, 6)).expand(-1, 3, -1, -1)
    jittered = jitter_images(grey, strength=0.5)
    torch.testing.assert_close(jittered[:, 0], jittered[:, 2], rtol=0, atol=1e-5)
    red = torch.zeros(64, 3, 2, 2)
    red[:, 0] = 0.5
    torch.manual_seed(0)
    assert (jitter_images(red, strength=1.0)[:, 1:] > 0.05).any()


def test_blur_keeps_a_constant_and_lowers_the_variance() -> None:
    constant = torch.full((4, 3, 64, 64), 0.3)
    torch.testing.assert_close(blur_images(constant), constant)
    examples = images((3, 64, 64), count=4)
    assert (blur_images(examples).var(dim=(1, 2, 3)) < examples.var(dim=(1, 2, 3))).all()


def test_erasing_removes_one_rectangle_of_at_most_a_third_of_the_area() -> None:
    torch.manual_seed(0)
    erased = erase_images(torch.ones(200, 1, 16, 16))[:, 0] == 0
    rows, columns = erased.any(dim=2).sum(dim=1), erased.any(dim=1).sum(dim=1)
    area = erased.sum(dim=(1, 2))
    assert torch.equal(rows * columns, area)
    # A side is rounded to whole pixels, up to half a pixel more each way.
    assert (area <= 0.33 * 256 + 17).all()
    assert (area >= 1).all()


def test_one_channel_images_are_never_flipped_and_colour_images_get_simclr() -> None:
    assert choose_recipe(DIGIT).flip == 0.0
    assert choose_recipe(COLOUR) == Recipe(crop=(0.2, 1.0), flip=0.5, jitter=0.5, gray=0.2)
    assert choose_recipe((3, 64, 64)).blur == 0.5
    assert choose_recipe((4, 8, 8)).gray == 0.0


def test_noise_has_its_standard_deviation_on_data_of_any_shape() -> None:
    views = draw(noise((5,), std=0.3), torch.zeros(20_000, 5), seed=0)
    # Standard error of a standard deviation of 1e5 draws is 0.0007.
    assert views.std().item() == pytest.approx(0.3, abs=0.003)


def test_a_mask_loses_its_share_of_pixels_with_all_their_channels() -> None:
    views = draw(mask((3, 16, 16), ratio=0.75), torch.ones(100, 3, 16, 16), seed=0)
    assert torch.equal(views[:, 0], views[:, 1])
    # Standard error of 25,600 draws is 0.0027.
    assert views.mean().item() == pytest.approx(0.25, abs=0.011)


@pytest.mark.parametrize(("ratio", "kept"), [(0.0, 1.0), (1.0, 0.0)])
def test_a_mask_of_all_or_nothing(ratio: float, kept: float) -> None:
    assert (mask((7,), ratio=ratio)(torch.ones(500, 7)) == kept).all()


def test_select_keeps_ranges_counted_from_one_with_both_ends() -> None:
    examples = images((3, 8, 8))
    left, right = select((3, 8, 8), columns=(1, 4)), select((3, 8, 8), columns=(5, 8))
    assert torch.equal(torch.cat((left(examples), right(examples)), dim=-1), examples)
    corner = select((3, 8, 8), columns=(2, 2), rows=(3, 5), channels=(1, 2))(examples)
    assert torch.equal(corner, examples[:, 0:2, 2:5, 1:2])
    assert torch.equal(select((6,), columns=(2, 3))(torch.arange(6.0)[None]), torch.tensor([[1.0, 2.0]]))


@pytest.mark.parametrize("name", IMAGE_CHANNELS)
def test_image_channels_refuse_a_vector_and_say_what_takes_it(name: str) -> None:
    with pytest.raises(ChannelError, match=r"expected an image \(channels, height, width\)") as caught:
        IMAGE_CHANNELS[name]((64,))
    assert caught.value.found == (64,)
    assert "noise(std: 0.1)" in caught.value.remedy


@pytest.mark.parametrize(
    ("build", "message"),
    [
        (
            lambda: augment(DIGIT, flip=1.5),
            r"a number from 0 to 1 for `flip`, found 1\.5; write for example `flip: 1`",
        ),
        (
            lambda: augment(DIGIT, crop=(0.5, 0.2)),
            r"for `crop`, found \(0\.5, 0\.2\); write low before high",
        ),
        (lambda: augment(DIGIT, scale=(0.0, 1.0)), r"for `scale`"),
        (lambda: augment(DIGIT, gray=0.2), r"a colour image of 3 channels"),
        (lambda: augment((3, 1, 64), blur=0.5), r"at least 2x2 pixels"),
        (lambda: weak(DIGIT, translate=-0.1), r"`translate`"),
        (lambda: crop(DIGIT, area=(0.0, 1.0)), r"`area`"),
        (lambda: noise((3,), std=-1.0), r"`std`"),
        (lambda: noise((3,), std=math.nan), r"`std`"),
        (lambda: mask((3,), ratio=1.1), r"`ratio`"),
        (lambda: select((1, 8, 8), columns=(5, 9)), r"range within 1 to 8 for `columns`, found 5 to 9"),
        (lambda: select((1, 8, 8), rows=(0, 3)), r"range within 1 to 8 for `rows`, found 0 to 3"),
        (lambda: select((8,), rows=(1, 2)), r"data with rows for `rows`"),
    ],
)
def test_arguments_out_of_range_are_refused(build: Callable[[], nn.Module], message: str) -> None:
    with pytest.raises(ChannelError, match=message):
        build()
