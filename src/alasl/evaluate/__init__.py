"""How well a model ranks where not every entry is known: from an audit whose chances are known."""
