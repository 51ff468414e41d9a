"""Which x86-64 level this processor has."""

level: int
