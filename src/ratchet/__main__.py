"""`python -m ratchet`: the same as the `ratchet` command."""

from ratchet.cli.app import main

if __name__ == "__main__":
    main()
