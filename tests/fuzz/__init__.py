"""Targets for fuzzing: `scripts/fuzz`, and tests/test_hostile.py on a smaller scale."""
