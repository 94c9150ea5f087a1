"""`python -m localbinance`: the same as the `localbinance` command."""

from localbinance.cli import main

if __name__ == "__main__":
    main()
