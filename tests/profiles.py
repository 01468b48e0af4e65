"""How many examples property tests try: a few all day, fifteen times as many in `make test-all`.

`pytest --hypothesis-profile=thorough` chooses the longer profile for any run.
"""

from __future__ import annotations

from hypothesis import settings

DEFAULT, THOROUGH = "default", "thorough"


def register() -> None:
    """Define both profiles and load the short one."""
    # Without deadlines: an example that is slow because the machine is busy proves nothing.
    # A failure prints how to run its example again.
    settings.register_profile(DEFAULT, max_examples=20, deadline=None, print_blob=True)
    settings.register_profile(THOROUGH, settings.get_profile(DEFAULT), max_examples=300)
    settings.load_profile(DEFAULT)


def scaled(share: float) -> int:
    """Return `share` times as many examples as the profile has, for `settings(max_examples=...)`.

    Below 1 it is for examples that each write to the database; above 1, for large spaces of cheap
    examples. Called while test modules are imported, after the profile was chosen.
    """
    default = settings.default
    assert default is not None
    return max(1, round(default.max_examples * share))
