"""The command line: resolve, call, echo. Nothing is computed here."""
