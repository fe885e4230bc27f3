"""Measurements of single components on public test sets; they print figures and write nothing."""
