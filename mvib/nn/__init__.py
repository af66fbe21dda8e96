"""Networks and what hangs on them: builders, heads, distributions, momentum copies. Plain torch, no specifications."""
