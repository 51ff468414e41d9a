#pragma once

/* (scale + residual) (1 - part) in two numbers, the second in residual: with 1 - part alone each update loses the same
   digits. In a source that is built without liberties with sums, which would take the second for zero. */
double shrunk(double scale, double *residual, double part);
