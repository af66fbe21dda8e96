"""The command line: one module a verb, arguments in, exit code out."""
