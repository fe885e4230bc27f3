"""Fuzzes `targets.fuzz_resolvers`; arguments go to libFuzzer."""

from __future__ import annotations

from tests.fuzz.run import fuzz

if __name__ == "__main__":
    fuzz("resolvers")
