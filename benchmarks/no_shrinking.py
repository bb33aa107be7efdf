"""A pytest plugin for mutants.py: hypothesis always tries the same, and stops at what fails."""

from hypothesis import Phase, settings

settings.register_profile(
    "mutants",
    phases=(Phase.explicit, Phase.generate),
    derandomize=True,
    database=None,
    deadline=None,
)
settings.load_profile("mutants")
