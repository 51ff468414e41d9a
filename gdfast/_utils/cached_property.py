"""A property that is computed when it is first asked for, and kept."""

import functools
from typing import TYPE_CHECKING, Any

__all__ = ["cached_property"]

if TYPE_CHECKING:
    from functools import cached_property
else:

    class cached_property(functools.cached_property):  # noqa: N801
        """The standard library's, without the lock that it has before Python 3.12.

        That lock is shared by all objects of a class. A child that is forked while another thread computes the property
        of one of them would wait for ever, and threads would wait for each other.
        """

        def __get__(self, instance: Any, owner: type | None = None) -> Any:
            if instance is None:
                return self
            value = vars(instance)[self.attrname] = self.func(instance)
            return value
