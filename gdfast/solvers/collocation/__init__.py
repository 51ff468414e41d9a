"""Full-batch descent on a smooth loss, by collocation: the path as polynomials in the epoch (docs/collocation.md)."""
