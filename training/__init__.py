"""Scripts that prepare data and train models, and one reader per corpus; the library never imports it."""
