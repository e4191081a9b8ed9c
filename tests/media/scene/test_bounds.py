"""A chunk's box in INDX holds whatever the chunk adds, and is not much larger."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from media.scene.samples import SEEDS, chunks, decoded, encoded, group_of, scene, scenes, with_fields
from sfumato.container import Region
from sfumato.media.scene.asset import SceneAsset
from sfumato.media.scene.bounds import REACH, bounds_of, region_of
from sfumato.media.scene.codec import BANDS, LEAVES, NODES
from sfumato.media.scene.group import node_splats
from sfumato.media.scene.layout import Layout
from sfumato.media.scene.merge import covariances
from sfumato.media.scene.quantise import dequantise
from sfumato.splats import Splats3D

LAYOUT = Layout((-4.0, 0.0, 10.0), -6, (512, 64, 1), 1000, -50)


def extent(splats: Splats3D) -> tuple[np.ndarray, np.ndarray]:
    """The corners of the box around all splats as far as they reach."""
    reach = REACH * np.sqrt(np.diagonal(covariances(splats), axis1=1, axis2=2))
    return (splats.mean - reach).min(axis=0), (splats.mean + reach).max(axis=0)


def added(data: bytes) -> list[tuple[str, int, Splats3D]]:
    """Kind, group and what is added, for every chunk after INDX."""
    decoder, found, done = decoded(data), [], {}
    layout = decoder.layout
    assert layout is not None
    for chunk, prefix in zip(chunks(data)[1:], decoder.parser.prefixes()[1:], strict=True):
        group = decoded(data[: prefix.length]).groups[group_of(chunk)]
        if chunk.kind == NODES:
            assert group.nodes is not None
            splats = node_splats(group.nodes, layout)
        elif chunk.kind == LEAVES:
            leaves = group.leaves[-1]
            splats = dequantise(leaves.q, leaves.quantiser, np.array(layout.origin))
            done[group_of(chunk), len(group.leaves) - 1] = splats
        else:
            splats = done[group_of(chunk), chunk.flags]
        found.append((chunk.kind, group_of(chunk), splats))
    return found


@pytest.mark.parametrize("degree", [0, 1])
def test_the_box_of_a_chunk_holds_what_it_adds_and_little_more(degree: int) -> None:
    data = encoded(scene(300, degree, seed=8), small=True)
    asset = SceneAsset.open(data)
    step = 2.0**asset.layout.exponent * max(asset.layout.size) / (1 << 14)
    for chunk, (kind, group, splats) in zip(asset.chunks, added(data), strict=True):
        assert (chunk.kind, chunk.group) == (kind, group) and chunk.bounds is not None
        low, high = extent(splats)
        assert (chunk.bounds[0] <= low).all() and (chunk.bounds[1] >= high).all()
        assert (low - chunk.bounds[0] <= 1.001 * step).all() and (chunk.bounds[1] - high <= 1.001 * step).all()
    assert {chunk.kind for chunk in asset.chunks} == ({NODES, LEAVES, BANDS} if degree else {NODES, LEAVES})


@given(scenes())
@settings(max_examples=25)
def test_boxes_of_the_strangest_scenes_hold_every_centre(splats: Splats3D) -> None:
    data = encoded(splats)
    for chunk, (_, _, some) in zip(SceneAsset.open(data).chunks, added(data), strict=True):
        assert chunk.bounds is not None
        assert (some.mean >= chunk.bounds[0]).all() and (some.mean <= chunk.bounds[1]).all()


@given(SEEDS, st.sampled_from([1e-6, 1e-2, 1.0, 100.0]))
def test_a_region_is_rounded_outwards_by_less_than_a_step(seed: int, sigma: float) -> None:
    splats = scene(3, seed=seed, sigma=(sigma, 2 * sigma))
    layout = dataclasses.replace(LAYOUT, origin=(-4.0, -0.5, -1.0))
    region = region_of(7, splats, layout)
    low, high = extent(splats)
    bounds = bounds_of(region, layout)
    assert region.group == 7
    assert (np.array(bounds[0]) <= low).all() and (np.array(bounds[1]) >= high).all()
    step = 2.0**-6 * 512 / (1 << 15)
    for given_, exact in ((bounds[0], low), (bounds[1], high)):
        finite = np.isfinite(given_)
        assert (np.abs(np.array(given_) - exact)[finite] <= 1.001 * step).all()


def test_the_frame_lies_around_the_grid_as_the_format_page_says() -> None:
    # S = 512: k = 9 - 15, so that a step is 2^-12.
    corners = bounds_of(Region(0, (1 << 14, 1 << 14, 1), (3 << 14, 65534, (1 << 14) + 1)), LAYOUT)
    assert corners == ((-4.0, 0.0, 10 - (2**14 - 1) / 4096), (4.0, (65534 - 2**14) / 4096, 10 + 1 / 4096))


def test_what_reaches_beyond_the_frame_has_a_box_without_end() -> None:
    region = region_of(0, scene(1, sigma=(100, 100)), LAYOUT)
    assert region == Region(0, (0, 0, 0), (65535, 65535, 65535))
    assert bounds_of(region, LAYOUT) == ((-math.inf,) * 3, (math.inf,) * 3)
    far = with_fields(scene(1), mean=np.array([[-4.0, 1e6, 10.0]]))
    low, high = bounds_of(region_of(0, far, LAYOUT), LAYOUT)
    assert high[1] == math.inf and low[1] > 11 and all(map(math.isfinite, (low[0], low[2], high[0], high[2])))


def test_the_finest_and_the_coarsest_grid_have_a_frame() -> None:
    for exponent in (-60, 60):
        for size in ((1, 1, 1), (1 << 21, 1, 1 << 21)):
            layout = dataclasses.replace(LAYOUT, origin=(0, 0, 0), exponent=exponent, size=size)
            low, high = bounds_of(Region(0, (1,) * 3, (65534,) * 3), layout)
            assert all(a < b for a, b in zip(low, high, strict=True))
