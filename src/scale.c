#include "scale.h"

double shrunk(double scale, double *rest, double part)
{
    double less = part * scale, rounded = scale - less;
    *rest = (*rest - part * *rest) + ((scale - rounded) - less);
    return rounded;
}
