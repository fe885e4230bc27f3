"""Resolvers: the text of a mention and its context -> a value. They know neither models nor weights."""
