/* Mini-batches of several configurations: sweeps over the weights predict, others add up the gradient. */
#include "sweep.h"
#include "losses.h"
#include <string.h>

/* G += the gradient of s_i loss_i of at most ROWS rows, and sums += s_i loss_i. */
static void add_block(const SideBySide *at, const int32_t *rows, int size, double *sums)
{
    double y[ROWS], s[ROWS], targets[ROWS * MOST_TOGETHER] = {0};
    double z[ROWS * MOST_TOGETHER], values[ROWS * MOST_TOGETHER], r[ROWS * MOST_TOGETHER];
    ptrdiff_t d = at->d, lanes = (at->count + GROUP - 1) / GROUP * GROUP;
    double *b = at->W + d * MOST_TOGETHER, *g = at->G + d * MOST_TOGETHER;
    const double *x[ROWS + 1];
    gather(at, rows, size, y, s);
    for (int i = 0; i < size; i += 2) {
        int count = size - i < 2 ? 1 : 2;
        for (int row = 0; row < 2; row++)
            x[i + row] = row_of(at, rows[row < count ? i + row : i]);
        for (ptrdiff_t first = 0; first < lanes; first += GROUP) {
            Lanes z2[2][VECTORS];
            sweep(at->W + first, d, x, NULL, x + i, x[i], z2, 0, 0, 1);
            for (int row = 0; row < count; row++)
                for (int v = 0; v < VECTORS; v++)
                    TO(z + (i + row) * lanes + first + v * LANES) = z2[row][v] + AT(b + first + v * LANES);
        }
    }
    for (int i = 0; i < size; i++)
        for (ptrdiff_t lane = 0; lane < lanes; lane++)
            targets[i * lanes + lane] = y[i];
    loss_block(at->loss, at->c, targets, z, values, r, size * lanes);
    for (int i = 0; i < size; i++)
        for (ptrdiff_t lane = 0; lane < lanes; lane += LANES) {
            double *u = r + i * lanes + lane;
            TO(u) = s[i] * AT(u);
            TO(g + lane) = AT(g + lane) + AT(u);
            TO(sums + lane) = AT(sums + lane) + s[i] * AT(values + i * lanes + lane);
        }
    for (int i = 0; i < size; i += 2)
        for (ptrdiff_t first = 0; first < lanes; first += GROUP) {
            Group group;
            for (int v = 0; v < VECTORS; v++) {
                group.u[0][v] = AT(r + i * lanes + first + v * LANES);
                group.u[1][v] = i + 1 < size ? AT(r + (i + 1) * lanes + first + v * LANES) : (Lanes_anywhere){0};
            }
            sweep(at->G + first, d, x + i, &group, x, x[i], NULL, 1, 0, 0);
        }
}

void batch_side_by_side(const SideBySide *at, const int32_t *rows, ptrdiff_t size, ptrdiff_t known, const double *eta)
{
    ptrdiff_t width = at->intercept ? at->d + 1 : at->d;
    double sums[MOST_TOGETHER] = {0}, scale = 1.0 / (double)size;
    memset(at->G, 0, (size_t)((at->d + 1) * MOST_TOGETHER) * sizeof *at->G);
    for (ptrdiff_t i = 0; i < size; i += ROWS) {
        ptrdiff_t left = size - i < ROWS ? size - i : ROWS, coming = i + ROWS;
        fetch(at, rows, coming < known ? coming : known, coming + ROWS < known ? coming + ROWS : known);
        add_block(at, rows + i, (int)left, sums);
    }
    for (ptrdiff_t j = 0; j < width; j++)
        for (ptrdiff_t lane = 0; lane < MOST_TOGETHER; lane += LANES) {
            double *w = at->W + j * MOST_TOGETHER + lane;
            Lanes g = scale * AT(at->G + j * MOST_TOGETHER + lane);
            if (at->l2 && j < at->d)
                g += AT(at->l2 + lane) * AT(w);
            TO(w) = AT(w) - AT(eta + lane) * g;
        }
    for (int lane = 0; lane < MOST_TOGETHER; lane++)
        at->sums[lane] += sums[lane];
}
