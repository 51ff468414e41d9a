/* SGD of several configurations. A group of them has code of its own (UNROLLED): a processor that takes a load for
   dependent on the store of the same instruction before would else let the groups wait for each other. */
#include "sweep.h"
#include "losses.h"
#include <float.h>
#include <math.h>
#include <string.h>

_Static_assert(GROUPS * sizeof(Group) <= 8 * ROWS_BEFORE * MOST_TOGETHER, "groups are stored before the weights");

/* Two rows, as doubles, and their numbers that all configurations share. Of one row alone the second is the first again,
   at the rate 0. */
typedef struct {
    const double *x[2];
    const double *eta[2]; /* a rate for each configuration */
    double y[2], s[2];
    double mutual; /* the product of both rows, and 1 for the intercept */
    double zero[2], half[2]; /* of a quadratic loss: the gradient at z = 0, and s / (2 curvature) */
    int count; /* of rows, 1 or 2 */
} Pair;

/* What both updates leave to the next sweep; u0 and u1 are what each row weighs at its own update, and lost0 and lost1
   the parts of the weights that l2 takes off. */
INLINED void leave(Group *group, int v, double one, Lanes u0, Lanes u1, Lanes lost0, Lanes lost1, int shrinking)
{
    group->b[v] += one * (u0 + u1);
    if (shrinking) {
        group->lost[v] = lost0 + (lost1 - lost1 * lost0);
        u0 -= lost1 * u0;
    }
    group->u[0][v] = u0, group->u[1][v] = u1;
}

/* Two updates of a group by a quadratic loss: with its gradient r = zero + curvature z, its value is r^2 / (2
   curvature). */
INLINED void quadratic_steps(const Pair *by, Group *group, ptrdiff_t lane, double curvature, double one,
                            const double *l2, const Lanes z[2][VECTORS], int shrinking)
{
    const double half0 = by->half[0], half1 = by->half[1], slope = curvature * by->mutual;
    const double back0 = -2.0 * curvature * half0, back1 = -2.0 * curvature * half1;
    UNROLLED for (int v = 0; v < VECTORS; v++, lane += LANES) {
        Lanes b = group->b[v], eta0 = AT(by->eta[0] + lane), eta1 = AT(by->eta[1] + lane);
        Lanes lost0 = {0}, lost1 = {0}, z1 = z[1][v], r0, r1, u0, u1;
        if (shrinking) {
            lost0 = AT(l2 + lane) * eta0, lost1 = AT(l2 + lane) * eta1;
            z1 -= lost0 * z1;
        }
        r0 = by->zero[0] + curvature * (z[0][v] + b);
        u0 = (back0 * eta0) * r0;
        r1 = (by->zero[1] + curvature * (z1 + b)) + slope * u0;
        u1 = (back1 * eta1) * r1;
        group->sums[v] += (half0 * r0) * r0 + (half1 * r1) * r1;
        leave(group, v, one, u0, u1, lost0, lost1, shrinking);
    }
}

/* Two updates of all groups by any loss; z (2, MOST_TOGETHER) are the products with both rows. */
INLINED void any_steps(const SideBySide *at, const Pair *by, Group *all, ptrdiff_t lanes, double *z, int shrinking)
{
    double y[MOST_TOGETHER], values[MOST_TOGETHER], u[2 * MOST_TOGETHER] = {0}, one = at->intercept ? 1.0 : 0.0;
    double lost[2 * MOST_TOGETHER] = {0};
    for (int i = 0; i < by->count; i++) {
        double *zi = z + i * MOST_TOGETHER, *ui = u + i * MOST_TOGETHER;
        for (ptrdiff_t lane = 0; lane < lanes; lane += LANES) {
            Lanes known = AT(zi + lane);
            if (shrinking)
                TO(lost + i * MOST_TOGETHER + lane) = AT(at->l2 + lane) * AT(by->eta[i] + lane);
            if (i == 1)
                known += by->mutual * AT(u + lane) - AT(lost + lane) * known;
            TO(zi + lane) = known + all[lane / GROUP].b[lane % GROUP / LANES];
            TO(y + lane) = everywhere(by->y + i);
        }
        loss_block(at->loss, at->c, y, zi, values, ui, lanes);
        for (ptrdiff_t lane = 0; lane < lanes; lane += LANES) {
            TO(ui + lane) = (AT(by->eta[i] + lane) * -by->s[i]) * AT(ui + lane);
            all[lane / GROUP].sums[lane % GROUP / LANES] += by->s[i] * AT(values + lane);
        }
    }
    for (ptrdiff_t lane = 0; lane < lanes; lane += LANES)
        leave(all + lane / GROUP, lane % GROUP / LANES, one, AT(u + lane), AT(u + MOST_TOGETHER + lane),
              AT(lost + lane), AT(lost + MOST_TOGETHER + lane), shrinking);
}

/* Sweep by sweep over `count` pairs; the rows of pairs[-1] are those whose updates are still to be done. Of the `known`
   rows to come, two are fetched meanwhile. */
INLINED void sweeps(const SideBySide *at, const Pair *pairs, ptrdiff_t count, Group *all, const int32_t *coming,
                   ptrdiff_t known, int quadratic, int shrinking)
{
    double products[2 * MOST_TOGETHER], *W = at->W, one = at->intercept ? 1.0 : 0.0;
    const double curvature = at->curvature, *l2 = at->l2;
    ptrdiff_t d = at->d, groups = (at->count + GROUP - 1) / GROUP, lanes = groups * GROUP;
    for (ptrdiff_t i = 0; i < count; i++) {
        const double *next[2] = {pairs[i].x[0], pairs[i].x[1]};
        for (ptrdiff_t row = 0; row < 2 && 2 * i + row < known; row++)
            next[row] = row_of(at, coming[2 * i + row]);
        if (groups == 1)
            fetch(at, coming, 2 * i + 1, 2 * i + 2 < known ? 2 * i + 2 : known);
        UNROLLED for (ptrdiff_t g = 0; g < GROUPS; g++) {
            Lanes z[2][VECTORS];
            if (g >= groups)
                break;
            sweep(W + g * GROUP, d, pairs[i - 1].x, all + g, pairs[i].x, next[g % 2], z, 1, shrinking, 1);
            if (quadratic)
                quadratic_steps(pairs + i, all + g, g * GROUP, curvature, one, l2, z, shrinking);
            else
                for (int row = 0; row < 2; row++)
                    memcpy(products + row * MOST_TOGETHER + g * GROUP, z[row], sizeof z[row]);
        }
        if (!quadratic)
            any_steps(at, pairs + i, all, lanes, products, shrinking);
    }
}

/* Each combination is compiled by itself. */
#define SWEEPS(name, quadratic, shrinking) \
    static void name(const SideBySide *at, const Pair *pairs, ptrdiff_t count, Group *all, const int32_t *coming, \
                     ptrdiff_t known) \
    { \
        sweeps(at, pairs, count, all, coming, known, quadratic, shrinking); \
    }
SWEEPS(any_loss, 0, 0)
SWEEPS(any_loss_l2, 0, 1)
SWEEPS(quadratic, 1, 0)
SWEEPS(quadratic_l2, 1, 1)
typedef void Sweeps(const SideBySide *, const Pair *, ptrdiff_t, Group *, const int32_t *, ptrdiff_t);
static Sweeps *const SWEEPS_OF[2][2] = {{any_loss, any_loss_l2}, {quadratic, quadratic_l2}};

/* The last updates of the rows of a pair. */
static void settle(const SideBySide *at, const Pair *last, Group *all)
{
    for (ptrdiff_t g = 0; g * GROUP < at->count; g++)
        sweep(at->W + g * GROUP, at->d, last->x, all + g, last->x, last->x[0], NULL, 1, 1, 0);
}

/* The product of two rows. */
INLINED double product(const double *x, const double *y, ptrdiff_t d)
{
    Lanes sum = {0};
    double total = 0.0;
    ptrdiff_t j = 0;
    for (; j + LANES <= d; j += LANES)
        sum += AT(x + j) * AT(y + j);
    for (; j < d; j++)
        total += x[j] * y[j];
    for (int i = 0; i < LANES; i++)
        total += LANE(sum, i);
    return total;
}

/* The pairs of at most ROWS rows; returns how many. Two rows whose product overflows are no pair. */
static ptrdiff_t make_pairs(const SideBySide *at, const int32_t *rows, ptrdiff_t size, const double *eta,
                            ptrdiff_t stride, Pair *pairs)
{
    static const double no_rates[MOST_TOGETHER];
    const double half = at->curvature > 0 ? 0.5 / at->curvature : 0.0;
    double y[ROWS], s[ROWS], zero[ROWS], none[ROWS] = {0};
    ptrdiff_t made = 0;
    gather(at, rows, size, y, s);
    memset(zero, 0, sizeof zero);
    if (at->curvature > 0)
        gradient_block(at->loss, at->c, y, none, zero, size);
    for (ptrdiff_t i = 0; i < size; i += pairs[made++].count) {
        Pair *pair = pairs + made;
        const double *x = row_of(at, rows[i]), *after = i + 1 < size ? row_of(at, rows[i + 1]) : x;
        double mutual = after != x ? product(x, after, at->d) + (at->intercept != 0) : INFINITY;
        int two = fabs(mutual) <= DBL_MAX;
        ptrdiff_t other = two ? i + 1 : i;
        pair->mutual = two ? mutual : 0.0;
        pair->count = two ? 2 : 1;
        pair->x[0] = x, pair->x[1] = two ? after : x;
        pair->eta[0] = eta + i * stride, pair->eta[1] = two ? eta + other * stride : no_rates;
        pair->y[0] = y[i], pair->y[1] = y[other], pair->s[0] = s[i], pair->s[1] = s[other];
        pair->zero[0] = zero[i], pair->zero[1] = zero[other];
        pair->half[0] = half * s[i], pair->half[1] = two ? half * s[other] : 0.0;
    }
    return made;
}

void rows_side_by_side(const SideBySide *at, const int32_t *rows, ptrdiff_t size, ptrdiff_t known, const double *eta,
                       ptrdiff_t stride)
{
    Group *all = (Group *)(at->W - ROWS_BEFORE * MOST_TOGETHER);
    double *b = at->W + at->d * MOST_TOGETHER;
    Pair pairs[1 + ROWS];
    memset(all, 0, GROUPS * sizeof *all);
    for (int lane = 0; lane < MOST_TOGETHER; lane += LANES)
        all[lane / GROUP].b[lane % GROUP / LANES] = AT(b + lane);
    pairs[0].x[0] = pairs[0].x[1] = row_of(at, rows[0]);
    for (ptrdiff_t i = 0; i < size; i += ROWS) {
        ptrdiff_t left = size - i < ROWS ? size - i : ROWS;
        ptrdiff_t made = make_pairs(at, rows + i, left, eta + i * stride, stride, pairs + 1);
        SWEEPS_OF[at->curvature > 0][at->l2 != NULL](at, pairs + 1, made, all, rows + i + left, known - i - left);
        pairs[0] = pairs[made];
    }
    settle(at, pairs, all);
    for (int lane = 0; lane < MOST_TOGETHER; lane += LANES) {
        TO(b + lane) = all[lane / GROUP].b[lane % GROUP / LANES];
        TO(at->sums + lane) = AT(at->sums + lane) + all[lane / GROUP].sums[lane % GROUP / LANES];
    }
}
