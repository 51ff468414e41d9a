"""Writes gdfast/formulas as Cython and as C when the package is built: a module for each file written.

`formulas` reads them and holds them to their rules.
"""
