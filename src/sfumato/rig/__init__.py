"""Rigs: meshes of fixed topology that expressions and joints move, and the names of ARKit that drive them."""

from sfumato.rig.arkit import ARKIT_NAMES, Response
from sfumato.rig.mesh import MeshFaults, check_mesh
from sfumato.rig.model import Rig
from sfumato.rig.skinning import axis_angle, rotation_matrices

__all__ = ["ARKIT_NAMES", "MeshFaults", "Response", "Rig", "axis_angle", "check_mesh", "rotation_matrices"]
