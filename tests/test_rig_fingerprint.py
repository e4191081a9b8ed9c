from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from sfumato.rig import Response, Rig


def rig() -> Rig:
    random = np.random.default_rng(0)
    return Rig(
        random.normal(size=(4, 3)),
        [[0, 1, 2], [0, 2, 3]],
        ("a", "b"),
        random.normal(size=(2, 4, 3)),
        ("root", "jaw"),
        [-1, 0],
        random.normal(size=(2, 3)),
        np.tile([0.25, 0.75], (4, 1)),
        joint_regressor=random.normal(size=(2, 4)),
        correctives=random.normal(size=(9, 4, 3)),
    )


def test_all_persons_of_one_rig_have_one_fingerprint():
    it = rig()
    person = it.reshaped({}, np.ones((4, 3)))
    others = replace(it, faces=it.faces[::-1], joints=it.joints + 1, arkit={"jawOpen": Response()})
    assert it.fingerprint == person.fingerprint == others.fingerprint and len(it.fingerprint) == 64


def test_the_fingerprint_is_the_same_on_every_machine():
    assert Rig.rigid(np.eye(3), [[0, 1, 2]]).fingerprint == (
        "dbc073ae932902d154278af51cb426cecef34899cb5b646e160e35a035238165"
    )


@pytest.mark.parametrize(
    "changes",
    [
        {"shapes": np.zeros((2, 4, 3))},
        {"shape_names": ("a", "c")},
        {"joint_names": ("root", "chin")},
        {"skin": np.tile([0.5, 0.5], (4, 1))},
        {"joint_regressor": None},
        {"correctives": None},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_whatever_moves_the_mesh_changes_the_fingerprint(changes):
    assert replace(rig(), **changes).fingerprint != rig().fingerprint


def test_a_negative_zero_is_a_zero():
    it = rig()
    zeros = np.zeros_like(it.shapes)
    assert replace(it, shapes=zeros).fingerprint == replace(it, shapes=-zeros).fingerprint
