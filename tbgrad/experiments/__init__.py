"""One file a command that logs: join mathematics, summaries and runs."""
