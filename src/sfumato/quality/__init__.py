"""How close a picture is to its original, and what that costs in bytes."""
