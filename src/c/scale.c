#include "scale.h"

double shrunk(double scale, double *residual, double part)
{
    double less = part * scale, rounded = scale - less;
    *residual = (*residual - part * *residual) + ((scale - rounded) - less);
    return rounded;
}
