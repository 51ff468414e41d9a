#pragma once

/* (scale + rest) (1 - part) in two numbers, the second in rest: of 1 - part alone every update would lose the same
   digits. In a source that is built without liberties with sums, which would take the second for zero. */
double shrunk(double scale, double *rest, double part);
