"""Scores: gold and predicted annotations in, counts and error analysis out. No tensors, no models."""

from sitrep_ie.score.counts import Counts, Level, MeanSd, Scores, merge, score, summarise

__all__ = ["Counts", "Level", "MeanSd", "Scores", "merge", "score", "summarise"]
