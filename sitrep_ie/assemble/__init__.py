"""Links -> event records: what one document's mentions, triggers and relations say happened.

Knows neither tensors nor models. Merges the triggers of one occurrence, gathers its arguments with their
values, and ties parents, children, totals and items together.
"""

from __future__ import annotations

from sitrep_ie.assemble.records import assemble, check_min_score
from sitrep_ie.assemble.resolvers import ActorQuery, Resolvers

__all__ = ["ActorQuery", "Resolvers", "assemble", "check_min_score"]
