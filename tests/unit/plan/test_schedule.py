import itertools
import re
from collections.abc import Sequence
from dataclasses import replace

import pytest

from keras_matrix.errors import ConfigurationError, NothingSelectedError
from keras_matrix.plan.cells import Caps, Cell, Plan
from keras_matrix.plan.schedule import PlanRequest, make_plan
from keras_matrix.plan.settings import Floatx, ImageDataFormat, KerasSettings, cross_settings

SAFE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]*")


def planned(
    images: Sequence[str] = ("tf", "theano"),
    settings: Sequence[KerasSettings] = (KerasSettings(),),
    seeds: Sequence[int] = (),
    repeats: int = 1,
    schedule_seed: int = 0,
) -> Plan:
    return make_plan(
        PlanRequest(settings=settings, seeds=seeds, repeats=repeats, schedule_seed=schedule_seed),
        model="mlp",
        script_sha256="0" * 64,
        images=images,
    )


def test_a_block_is_one_seed_and_repeat_on_all_images_and_settings() -> None:
    double = KerasSettings(floatx=Floatx.FLOAT64)
    plan = planned(settings=[KerasSettings(), double], seeds=[3, 1], repeats=2)
    ids = [cell.id for cell in plan.cells]
    assert [set(ids[start : start + 4]) for start in range(0, 16, 4)] == [
        {f"{group}.{replicate}" for group in ("tf", "theano", "tf.float64", "theano.float64")}
        for replicate in ("seed3", "seed3.repeat1", "seed1", "seed1.repeat1")
    ]
    # The reference is the first one named, whichever runs first.
    assert plan.images == ("tf", "theano")


@pytest.mark.parametrize("kinds", [(Floatx.FLOAT32,), (Floatx.FLOAT32, Floatx.FLOAT64)])
def test_no_image_and_no_setting_always_goes_first(kinds: Sequence[Floatx]) -> None:
    settings = cross_settings(kinds, [ImageDataFormat.CHANNELS_LAST], [1e-7])
    cells = planned(images=["a", "b", "c"], settings=settings, seeds=range(300)).cells
    groups = {cell.group for cell in cells}
    assert len(groups) == 3 * len(kinds)
    for position in range(len(groups)):
        drawn = [cell.group for cell in cells[position :: len(groups)]]
        assert min(drawn.count(group) for group in groups) > 150 / len(groups)


def test_the_order_is_the_schedule_seeds() -> None:
    plans = [planned(seeds=range(20), schedule_seed=seed) for seed in (0, 0, 1)]
    assert plans[0] == plans[1]
    assert plans[0].cells != plans[2].cells
    assert set(plans[0].cells) == set(plans[2].cells)


def test_the_order_is_the_same_on_every_python() -> None:
    # Parts of one run may be made on several machines; their plans have to be one.
    cells = planned(images=["a", "b", "c"], seeds=range(4)).cells
    assert "".join(cell.image for cell in cells) == "bcabcabcacab"


def test_the_order_of_one_setting_is_the_same_whichever_setting_it_is() -> None:
    orders = {
        tuple((cell.image, cell.seed) for cell in planned(settings=[setting], seeds=range(9)).cells)
        for setting in cross_settings(tuple(Floatx), tuple(ImageDataFormat), (1e-7, 1e-8))
    }
    assert len(orders) == 1


def test_plans_match_whatever_the_order_of_their_cells() -> None:
    plan = planned(seeds=range(3))
    assert plan.matches(replace(plan, cells=plan.cells[::-1]))
    assert not plan.matches(replace(plan, cells=plan.cells[:-1]))
    assert not plan.matches(replace(plan, schedule_seed=1))
    assert not plan.matches(replace(plan, cells=(*plan.cells[:-1], Cell("tf", seed=9))))


def test_repeats_are_cells_of_their_own() -> None:
    plan = planned(images=["tf"], seeds=[3], repeats=3)
    assert [cell.id for cell in plan.cells] == ["tf.seed3", "tf.seed3.repeat1", "tf.seed3.repeat2"]


def test_without_seeds_there_is_one_cell_an_image() -> None:
    assert set(planned().cells) == {Cell("tf"), Cell("theano")}
    assert {cell.id for cell in planned().cells} == {"tf", "theano"}


def test_planning_again_gives_the_same_plan() -> None:
    seeds = [2, 0]
    first = planned(seeds=seeds)
    assert planned(seeds=seeds) == first
    assert seeds == [2, 0]


@pytest.mark.parametrize(("images", "settings"), [([], [KerasSettings()]), (["tf"], [])])
def test_an_empty_selection_is_refused(images: list[str], settings: list[KerasSettings]) -> None:
    with pytest.raises(NothingSelectedError):
        planned(images=images, settings=settings)


def test_cell_ids_are_unique_and_safe_as_file_names() -> None:
    settings = cross_settings(tuple(Floatx), tuple(ImageDataFormat), (1e-7, 1e-8, 0.1, 12345678.9))
    plan = planned(
        images=["tf", "theano", "a.b-c_d"], settings=settings, seeds=[0, 1, 2**32 - 1], repeats=2
    )
    ids = [cell.id for cell in plan.cells]
    assert len(set(ids)) == len(ids) == 3 * 24 * 3 * 2
    # On file systems that ignore case, too.
    assert len({name.lower() for name in ids}) == len(ids)
    assert all(SAFE.fullmatch(name) and len(name) < 200 for name in ids)


@pytest.mark.parametrize(
    ("images", "kinds", "seeds", "repeats"),
    [
        (("tf", "tf.float64"), (Floatx.FLOAT32, Floatx.FLOAT64), (0, 1), 1),
        (("tf", "tf.repeat1"), (Floatx.FLOAT32,), (), 2),
        # On file systems that ignore case.
        (("tf", "TF"), (Floatx.FLOAT32,), (0,), 1),
    ],
)
def test_two_cells_that_would_share_an_id_are_refused(
    images: Sequence[str], kinds: Sequence[Floatx], seeds: Sequence[int], repeats: int
) -> None:
    settings = cross_settings(kinds, [ImageDataFormat.CHANNELS_LAST], [1e-7])
    with pytest.raises(ConfigurationError, match="would both be called") as error:
        planned(images=images, settings=settings, seeds=seeds, repeats=repeats)
    sentence = str(error.value)
    assert all(f"image '{image}'" in sentence for image in images)
    assert "rename one of the images" in sentence
    for image in images:
        assert planned(images=[image], settings=settings, seeds=seeds, repeats=repeats).cells


@pytest.mark.parametrize(
    ("cell", "name"),
    [
        (Cell("tf"), "tf"),
        (Cell("tf", seed=0), "tf.seed0"),
        (Cell("tf", KerasSettings(floatx=Floatx.FLOAT16)), "tf.float16"),
        (
            Cell("tf", KerasSettings(Floatx.FLOAT64, ImageDataFormat.CHANNELS_FIRST, 1e-8), 7),
            "tf.float64.channels_first.eps1e-08.seed7",
        ),
    ],
)
def test_cell_ids_stay_as_they_are_on_disk(cell: Cell, name: str) -> None:
    assert cell.id == name


def test_keras_json_is_the_file_keras_reads() -> None:
    settings = KerasSettings(Floatx.FLOAT64, ImageDataFormat.CHANNELS_FIRST, 1e-5)
    assert settings.keras_json("theano") == {
        "backend": "theano",
        "epsilon": 1e-5,
        "floatx": "float64",
        "image_data_format": "channels_first",
    }


def test_settings_are_every_combination() -> None:
    floats, formats, epsilons = tuple(Floatx), tuple(ImageDataFormat), (1e-7, 1e-8)
    expected = [
        KerasSettings(kind, layout, epsilon)
        for kind, layout, epsilon in itertools.product(floats, formats, epsilons)
    ]
    assert list(cross_settings(floats, formats, epsilons)) == expected


@pytest.mark.parametrize("epsilon", [0.0, -1e-7, float("nan"), float("inf")])
def test_an_epsilon_that_is_not_positive_is_refused(epsilon: float) -> None:
    with pytest.raises(ConfigurationError, match="--epsilon"):
        cross_settings([Floatx.FLOAT32], [ImageDataFormat.CHANNELS_LAST], [epsilon])


def test_a_value_given_twice_is_refused() -> None:
    with pytest.raises(ConfigurationError, match="twice"):
        cross_settings([Floatx.FLOAT32], [ImageDataFormat.CHANNELS_LAST], [1e-7, 1e-7])


def test_only_selects_images_and_nothing_selects_all() -> None:
    plan = planned(seeds=[0, 1])
    assert plan.only([]) == plan.cells
    assert [cell.id for cell in plan.only(["theano"])] == ["theano.seed0", "theano.seed1"]
    assert plan.only(["theano", "tf"]) == plan.cells


def test_only_refuses_an_image_that_is_not_part_of_the_plan() -> None:
    with pytest.raises(ConfigurationError, match="--only cntk is not among --on tf,theano"):
        planned().only(["tf", "cntk"])


@pytest.mark.parametrize(
    ("caps", "note"),
    [
        (Caps(), ""),
        (Caps(epochs=2), "The script was shortened: at most 2 epochs a fit."),
        (
            Caps(epochs=1, steps=1),
            "The script was shortened: at most 1 epoch a fit, at most 1 batch an epoch.",
        ),
        (
            Caps(epochs=2, steps=5),
            "The script was shortened: at most 2 epochs a fit, at most 5 batches an epoch.",
        ),
    ],
)
def test_what_was_shortened_is_said(caps: Caps, note: str) -> None:
    assert caps.note == note
