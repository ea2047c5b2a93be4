"""Runs the command line: `python -m tbgrad`."""

from tbgrad.cli.main import main

if __name__ == "__main__":
    main(prog_name="tbgrad")
