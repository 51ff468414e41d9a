/* SGD of several configurations. A group of them has code of its own (UNROLLED): a processor that takes a load for
   dependent on the store of the same instruction before would else let the groups wait for each other. */
#include "sweep.h"
#include "losses.h"
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

INLINE Lanes shrinking(Lanes l2, Lanes eta)
{
    return 1.0 - eta * l2;
}

INLINE Lanes chosen(Choice where, Lanes a, Lanes b)
{
    return (Lanes)(((Choice)a & where) | ((Choice)b & ~where));
}

/* The scale, or 1 where it is too near to 1 for float32; residual holds what is missing. */
INLINE Lanes in_float32(Lanes scale, double *residual)
{
    const Lanes one = 1.0 - (Lanes){0};
    Lanes whole = scale * (1.0 + AT(residual));
    Lanes kept = chosen(whole < 1.0 - 0x1p-19, rounded_to_float32(whole), one);
    TO(residual) = chosen(kept > 0.0, whole / kept - 1.0, (Lanes){0});
    return kept;
}

/* What both updates leave to the next sweep; u0 and u1 are what each row weighs at its own update. */
INLINE void leave(Group *group, int v, double one, Lanes u0, Lanes u1, Lanes kept0, Lanes kept1, double *residual,
                  int scaling, int rounding)
{
    group->b[v] += one * (u0 + u1);
    if (scaling) {
        Lanes scale = kept0 * kept1;
        group->scale[v] = rounding ? in_float32(scale, residual) : scale;
        u0 *= kept1;
    }
    group->u[0][v] = u0, group->u[1][v] = u1;
}

/* Two updates of a group by a quadratic loss: with its gradient r = zero + curvature z, its value is r^2 / (2
   curvature). */
INLINE void quadratic_steps(const Pair *by, Group *group, ptrdiff_t lane, double curvature, double one,
                            const double *l2, double *residual, const Lanes z[2][VECTORS], int scaling, int rounding)
{
    const double half0 = by->half[0], half1 = by->half[1], slope = curvature * by->mutual;
    const double back0 = -2.0 * curvature * half0, back1 = -2.0 * curvature * half1;
    UNROLLED for (int v = 0; v < VECTORS; v++, lane += LANES) {
        Lanes b = group->b[v], eta0 = AT(by->eta[0] + lane), eta1 = AT(by->eta[1] + lane);
        Lanes kept0 = {0}, kept1 = {0}, z1 = z[1][v], r0, r1, u0, u1;
        if (scaling) {
            kept0 = shrinking(AT(l2 + lane), eta0), kept1 = shrinking(AT(l2 + lane), eta1);
            z1 *= kept0;
        }
        r0 = by->zero[0] + curvature * (z[0][v] + b);
        u0 = (back0 * eta0) * r0;
        r1 = (by->zero[1] + curvature * (z1 + b)) + slope * u0;
        u1 = (back1 * eta1) * r1;
        group->sums[v] += (half0 * r0) * r0 + (half1 * r1) * r1;
        leave(group, v, one, u0, u1, kept0, kept1, residual + lane, scaling, rounding);
    }
}

/* Two updates of all groups by any loss; z (2, MOST_TOGETHER) are the products with both rows. */
INLINE void any_steps(const SideBySide *at, const Pair *by, Group *all, ptrdiff_t lanes, double *z, int scaling,
                      int rounding)
{
    double y[MOST_TOGETHER], values[MOST_TOGETHER], u[2 * MOST_TOGETHER] = {0}, one = at->intercept ? 1.0 : 0.0;
    for (int i = 0; i < by->count; i++) {
        double *zi = z + i * MOST_TOGETHER, *ui = u + i * MOST_TOGETHER;
        for (ptrdiff_t lane = 0; lane < lanes; lane += LANES) {
            Lanes known = AT(zi + lane);
            if (scaling && i == 1)
                known *= shrinking(AT(at->l2 + lane), AT(by->eta[0] + lane));
            if (i == 1)
                known += by->mutual * AT(u + lane);
            TO(zi + lane) = known + all[lane / GROUP].b[lane % GROUP / LANES];
            TO(y + lane) = everywhere(by->y + i);
        }
        loss_block(at->loss, at->c, y, zi, values, ui, lanes);
        for (ptrdiff_t lane = 0; lane < lanes; lane += LANES) {
            TO(ui + lane) = (AT(by->eta[i] + lane) * -by->s[i]) * AT(ui + lane);
            all[lane / GROUP].sums[lane % GROUP / LANES] += by->s[i] * AT(values + lane);
        }
    }
    for (ptrdiff_t lane = 0; lane < lanes; lane += LANES) {
        Lanes kept0 = {0}, kept1 = {0};
        if (scaling) {
            kept0 = shrinking(AT(at->l2 + lane), AT(by->eta[0] + lane));
            kept1 = shrinking(AT(at->l2 + lane), AT(by->eta[1] + lane));
        }
        leave(all + lane / GROUP, lane % GROUP / LANES, one, AT(u + lane), AT(u + MOST_TOGETHER + lane), kept0, kept1,
              at->residual + lane, scaling, rounding);
    }
}

/* Sweep by sweep over `count` pairs; the rows of pairs[-1] are those whose updates are still to be done. */
INLINE void sweeps(const SideBySide *at, const Pair *pairs, ptrdiff_t count, Group *all, const int32_t *coming,
                   ptrdiff_t known, int quadratic, int scaling, int rounding)
{
    double products[2 * MOST_TOGETHER], *W = at->W, *residual = at->residual, one = at->intercept ? 1.0 : 0.0;
    const double curvature = at->curvature, *l2 = at->l2;
    ptrdiff_t d = at->d, groups = (at->count + GROUP - 1) / GROUP, lanes = groups * GROUP;
    for (ptrdiff_t i = 0; i < count; i++) {
        fetch(at, coming, 2 * i < known ? 2 * i : known, 2 * i + 2 < known ? 2 * i + 2 : known);
        UNROLLED for (ptrdiff_t g = 0; g < GROUPS; g++) {
            Lanes z[2][VECTORS];
            if (g >= groups)
                break;
            sweep(W + g * GROUP, d, pairs[i - 1].x, all + g, pairs[i].x, z, 1, scaling, rounding, 1);
            if (quadratic)
                quadratic_steps(pairs + i, all + g, g * GROUP, curvature, one, l2, residual, z, scaling, rounding);
            else
                for (int row = 0; row < 2; row++)
                    memcpy(products + row * MOST_TOGETHER + g * GROUP, z[row], sizeof z[row]);
        }
        if (!quadratic)
            any_steps(at, pairs + i, all, lanes, products, scaling, rounding);
    }
}

/* Each combination is compiled by itself. */
#define SWEEPS(name, quadratic, scaling, rounding) \
    static void name(const SideBySide *at, const Pair *pairs, ptrdiff_t count, Group *all, const int32_t *coming, \
                     ptrdiff_t known) \
    { \
        sweeps(at, pairs, count, all, coming, known, quadratic, scaling, rounding); \
    }
SWEEPS(any_loss, 0, 0, 0)
SWEEPS(any_loss_l2, 0, 1, 0)
SWEEPS(any_loss_float32, 0, 0, 1)
SWEEPS(any_loss_l2_float32, 0, 1, 1)
SWEEPS(quadratic, 1, 0, 0)
SWEEPS(quadratic_l2, 1, 1, 0)
SWEEPS(quadratic_float32, 1, 0, 1)
SWEEPS(quadratic_l2_float32, 1, 1, 1)
typedef void Sweeps(const SideBySide *, const Pair *, ptrdiff_t, Group *, const int32_t *, ptrdiff_t);
static Sweeps *const SWEEPS_OF[2][2][2] = {{{any_loss, any_loss_float32}, {any_loss_l2, any_loss_l2_float32}},
                                           {{quadratic, quadratic_float32}, {quadratic_l2, quadratic_l2_float32}}};

/* The last updates of the rows of a pair. */
static void settle(const SideBySide *at, const Pair *last, Group *all)
{
    for (ptrdiff_t g = 0; g * GROUP < at->count; g++) {
        double *w = at->W + g * GROUP;
        if (at->single)
            sweep(w, at->d, last->x, all + g, last->x, NULL, 1, 1, 1, 0);
        else
            sweep(w, at->d, last->x, all + g, last->x, NULL, 1, 1, 0, 0);
    }
}

/* The product of two rows. */
INLINE double product(const double *x, const double *y, ptrdiff_t d)
{
    Lanes sum = {0};
    double total = 0.0;
    ptrdiff_t j = 0;
    for (; j + LANES <= d; j += LANES)
        sum += AT(x + j) * AT(y + j);
    for (; j < d; j++)
        total += x[j] * y[j];
    for (int i = 0; i < LANES; i++)
        total += sum[i];
    return total;
}

/* The pairs of at most ROWS rows; returns how many. */
static ptrdiff_t make_pairs(const SideBySide *at, const int32_t *rows, ptrdiff_t size, const double *eta,
                            ptrdiff_t stride, ptrdiff_t place, Pair *pairs)
{
    static const double no_rates[MOST_TOGETHER];
    const double half = at->curvature > 0 ? 0.5 / at->curvature : 0.0;
    double y[ROWS], s[ROWS], zero[ROWS], none[ROWS] = {0};
    const double *x[ROWS];
    ptrdiff_t made = 0;
    gather(at, rows, size, y, s);
    memset(zero, 0, sizeof zero);
    if (at->curvature > 0)
        gradient_block(at->loss, at->c, y, none, zero, size);
    for (ptrdiff_t i = 0; i < size; i++)
        x[i] = row_at(at, rows[i], place + i);
    for (ptrdiff_t i = 0; i < size; i += pairs[made++].count) {
        Pair *pair = pairs + made;
        ptrdiff_t other = i + 1 < size ? i + 1 : i;
        pair->mutual = product(x[i], x[other], at->d) + (at->intercept != 0);
        pair->count = other > i ? 2 : 1;
        pair->x[0] = x[i], pair->x[1] = x[other];
        pair->eta[0] = eta + i * stride, pair->eta[1] = other > i ? eta + other * stride : no_rates;
        pair->y[0] = y[i], pair->y[1] = y[other], pair->s[0] = s[i], pair->s[1] = s[other];
        pair->zero[0] = zero[i], pair->zero[1] = zero[other];
        pair->half[0] = half * s[i], pair->half[1] = other > i ? half * s[other] : 0.0;
    }
    return made;
}

void rows_side_by_side(const SideBySide *at, const int32_t *rows, ptrdiff_t size, ptrdiff_t known, const double *eta,
                       ptrdiff_t stride)
{
    ptrdiff_t near = at->n * at->d * (ptrdiff_t)(at->single ? sizeof(float) : sizeof(double)) <= NEAR, place = 0;
    Group *all = (Group *)(at->W - ROWS_BEFORE * MOST_TOGETHER);
    double *b = at->W + at->d * MOST_TOGETHER;
    Pair pairs[1 + ROWS];
    memset(all, 0, GROUPS * sizeof *all);
    for (int lane = 0; lane < MOST_TOGETHER; lane += LANES) {
        Group *group = all + lane / GROUP;
        group->scale[lane % GROUP / LANES] = 1.0 - (Lanes){0};
        group->b[lane % GROUP / LANES] = AT(b + lane);
    }
    pairs[0].x[0] = pairs[0].x[1] = row_at(at, rows[0], ROWS);
    for (ptrdiff_t i = 0; i < size; i += ROWS, place = ROWS - place) {
        ptrdiff_t left = size - i < ROWS ? size - i : ROWS, coming = near ? 0 : known - i - left;
        ptrdiff_t made = make_pairs(at, rows + i, left, eta + i * stride, stride, place, pairs + 1);
        SWEEPS_OF[at->curvature > 0][at->l2 != NULL][at->single](at, pairs + 1, made, all, rows + i + left, coming);
        pairs[0] = pairs[made];
    }
    settle(at, pairs, all);
    for (int lane = 0; lane < MOST_TOGETHER; lane += LANES) {
        TO(b + lane) = all[lane / GROUP].b[lane % GROUP / LANES];
        TO(at->sums + lane) = AT(at->sums + lane) + all[lane / GROUP].sums[lane % GROUP / LANES];
    }
}
