"""Text to tree and back: parser, syntax errors, canonical layout. Judges nothing but the form."""
