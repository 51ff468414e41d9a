"""What every other part of the package uses: checks of arguments, a cached property."""
