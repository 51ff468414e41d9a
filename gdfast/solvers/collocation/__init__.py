"""Full-batch descent on a smooth loss, by collocation: the path as polynomials in the epoch.

The method is described at https://gdfast.readthedocs.io/en/latest/collocation.html.
"""
