"""The address of the documentation site, for texts that send a reader to one of its pages."""

__all__ = ["page"]

SITE = "https://gdfast.readthedocs.io/en/latest/"


def page(name: str) -> str:
    """Return the address of a page, by its path in docs without the suffix."""
    return f"{SITE}{name}.html"
