"""What a method means: quantities as joint entropies, proofs, collapse, classification; imports no torch."""
