/* dense.c for one T. Included twice, so it has no guard. */

#define V OF(vector)
#define LANES ((ptrdiff_t)(WIDTH / sizeof(T)))
/* One of eight rows: of those at x, or (x NULL) of those that lie one behind the other from X on, for which there are
   registers enough. */
#define ROW(i) (x ? x[i] : X + (i) * d)
/* So many rows to come are fetched in a sweep, a line a step. */
#define FETCH(count) \
    if (later && j % (ptrdiff_t)(64 / sizeof(T)) == 0) \
        for (int i = 0; i < count; i++) \
    PREFETCH(later[i] + j)
#define FETCH_LAST(count) \
    if (later) \
        for (int i = 0; i < count; i++) \
    PREFETCH(later[i] + d - 1)

/* A vector with its halves exchanged. */
INLINED V OF(turned)(V v)
{
#if AVX2
    return (V)_mm256_permute2f128_pd((__m256d)v, (__m256d)v, 1);
#elif VECTORS_KNOWN
    typedef double D __attribute__((vector_size(16)));
    return (V)(D){((D)v)[1], ((D)v)[0]};
#else
    return v;
#endif
}

/* One vector with the sums of LANES vectors: of neighbours first, of the halves last. */
INLINED V OF(sums)(const V *z)
{
#if AVX2
    if (sizeof(T) == 8) {
        __m256d a = (__m256d)z[0], b = (__m256d)z[1], c = (__m256d)z[2], d = (__m256d)z[3];
        a = _mm256_add_pd(_mm256_unpacklo_pd(a, b), _mm256_unpackhi_pd(a, b));
        c = _mm256_add_pd(_mm256_unpacklo_pd(c, d), _mm256_unpackhi_pd(c, d));
        return (V)_mm256_add_pd(_mm256_permute2f128_pd(a, c, 0x20), _mm256_permute2f128_pd(a, c, 0x31));
    }
    __m256 s[4];
    UNROLLED for (int i = 0; i < 4; i++) {
        __m256 a = (__m256)z[2 * i], b = (__m256)z[(2 * i + 1) % LANES];
        s[i] = _mm256_add_ps(_mm256_shuffle_ps(a, b, 0x88), _mm256_shuffle_ps(a, b, 0xDD));
    }
    UNROLLED for (int i = 0; i < 2; i++)
        s[i] = _mm256_add_ps(_mm256_shuffle_ps(s[2 * i], s[2 * i + 1], 0x88),
                             _mm256_shuffle_ps(s[2 * i], s[2 * i + 1], 0xDD));
    return (V)_mm256_add_ps(_mm256_permute2f128_ps(s[0], s[1], 0x20), _mm256_permute2f128_ps(s[0], s[1], 0x31));
#elif VECTORS_KNOWN
    V total;
    for (int i = 0; i < LANES; i++) {
        T low = z[i][0], high = z[i][LANES / 2];
        for (int k = 1; k < LANES / 2; k++)
            low += z[i][k], high += z[i][LANES / 2 + k];
        total[i] = low + high;
    }
    return total;
#else
    return *z;
#endif
}

/* Whether rows begin half a vector behind an aligned one. Their first and last halves are then taken apart, so that no
   load between them crosses a line of the cache, which would take twice its time; each sum has the same terms in the
   same order all the same, in the other half of its vector meanwhile. */
INLINED int OF(shifted)(const T *X, ptrdiff_t d)
{
    return d % LANES == 0 && d >= 8 * LANES && (uintptr_t)X % WIDTH == WIDTH / 2;
}

/* Weights of the vectors that a row of at least LANES numbers begins and ends with: 0 where others have them. */
INLINED void OF(fill_ends)(T *ends, const T *w, ptrdiff_t d, int shifted)
{
    ptrdiff_t first = shifted ? LANES / 2 : 0, last = shifted ? LANES / 2 : d % LANES;
    for (ptrdiff_t j = 0; j < LANES; j++) {
        ends[j] = j < first ? w[j] : 0;
        ends[LANES + j] = j < LANES - last ? 0 : w[d - LANES + j];
    }
}

/* z = b + the products of eight rows and w. */
INLINED void OF(dot8)(const T *X, const T *const *x, const T *w, const T *ends, ptrdiff_t d, int shifted, double b,
                      double *z, const T *const *later, int fetched)
{
    V sums[8] = {0}, v;
    ptrdiff_t j = 0;
    if (shifted) {
        v = OF(at)(ends);
        EIGHT_TIMES(i) sums[i] = OF(turned)(sums[i] + OF(at)(ROW(i)) * v);
        j = LANES / 2;
    }
    for (; j + LANES <= d; j += LANES) {
        v = OF(at)(w + j);
        FETCH(fetched);
        EIGHT_TIMES(i) sums[i] += OF(at)(ROW(i) + j) * v;
    }
    FETCH_LAST(fetched);
    if (shifted)
        EIGHT_TIMES(i) sums[i] = OF(turned)(sums[i]);
    if (j < d) {
        v = OF(at)(ends + LANES);
        EIGHT_TIMES(i) sums[i] += OF(at)(ROW(i) + d - LANES) * v;
    }
    for (int i = 0; i < 8; i += LANES) {
        V of_rows = OF(sums)(sums + i);
        for (int k = 0; k < LANES; k++)
            z[i + k] = LANE(of_rows, k) + b;
    }
}

VECTOR_OF(wide, WIDE);
#define WIDE_LANES ((ptrdiff_t)(WIDE / sizeof(T)))

/* g += sum_i r_i x_i of `count` vectors of rows as they lie, from a number of each on; the sums stay in registers. */
INLINED void OF(add_vectors)(T *g, const double *r, const T *X, ptrdiff_t size, ptrdiff_t d, int count, const T *later,
                             ptrdiff_t known)
{
    OF(wide) sums[2][MOST_VECTORS] = {0}; /* of even and odd rows: each waits for its last addition */
    ptrdiff_t i = 0;
    for (; i + 2 <= size; i += 2)
        UNROLLED for (int h = 0; h < 2; h++) {
            const T *row = X + (i + h) * d;
            T u = (T)r[i + h];
            if (i + h < known)
                for (ptrdiff_t byte = 0; byte < count * (ptrdiff_t)WIDE; byte += 64)
                    PREFETCH((const char *)(later + (i + h) * d) + byte);
            UNROLLED for (int v = 0; v < count; v++)
                sums[h][v] += u * *(const OF(wide_anywhere) *)(row + v * WIDE_LANES);
        }
    if (i < size)
        UNROLLED for (int v = 0; v < count; v++)
            sums[0][v] += (T)r[i] * *(const OF(wide_anywhere) *)(X + i * d + v * WIDE_LANES);
    UNROLLED for (int v = 0; v < count; v++)
        *(OF(wide_anywhere) *)(g + v * WIDE_LANES) += sums[0][v] + sums[1][v];
}

/* How many numbers of a row stand before its first aligned vector, where that is the same for all rows and they are long
   enough that it counts; else 0. Each sum has its terms in the same order wherever vectors begin. */
INLINED ptrdiff_t OF(head)(const T *X, ptrdiff_t d)
{
    return d % WIDE_LANES || d < 4 * WIDE_LANES ? 0 : (ptrdiff_t)(-(uintptr_t)X % WIDE / sizeof(T));
}

/* g += sum_i r_i x_i of rows of at least WIDE_LANES numbers, as they lie. A row's head and end are taken by vectors that
   overlap others; what these have alone stands behind g, for settle_ends. */
INLINED void OF(add_all)(T *g, const double *r, const T *X, ptrdiff_t size, ptrdiff_t d, ptrdiff_t head, const T *later,
                         ptrdiff_t known)
{
    ptrdiff_t j = head;
    if (head > 0)
        OF(add_vectors)(g + d + WIDE_LANES, r, X, size, d, 1, later, 0);
    for (; j + MOST_VECTORS * WIDE_LANES <= d; j += MOST_VECTORS * WIDE_LANES)
        OF(add_vectors)(g + j, r, X + j, size, d, MOST_VECTORS, later + j, known);
    for (; j + 2 * WIDE_LANES <= d; j += 2 * WIDE_LANES)
        OF(add_vectors)(g + j, r, X + j, size, d, 2, later + j, known);
    for (; j + WIDE_LANES <= d; j += WIDE_LANES)
        OF(add_vectors)(g + j, r, X + j, size, d, 1, later + j, known);
    if (j < d)
        OF(add_vectors)(g + d, r, X + d - WIDE_LANES, size, d, 1, later + d - WIDE_LANES, known);
}

/* Add what stands behind g, of vectors of so many lanes, to the head and the end of g. */
INLINED void OF(settle_ends)(T *g, ptrdiff_t d, ptrdiff_t head, ptrdiff_t lanes)
{
    ptrdiff_t rest = (d - head) % lanes;
    for (ptrdiff_t j = 0; j < head; j++)
        g[j] += g[d + lanes + j];
    for (ptrdiff_t j = 0; j < rest; j++)
        g[d - rest + j] += g[d + lanes - rest + j];
}

/* Where so many rows begin, in x. */
INLINED const T *const *OF(some_rows)(const void *X, const int32_t *rows, ptrdiff_t first, ptrdiff_t count, ptrdiff_t d,
                                      const T **x)
{
    for (ptrdiff_t i = 0; i < count; i++)
        x[i] = (const T *)X + (rows ? (ptrdiff_t)rows[first + i] : first + i) * d;
    return x;
}

/* Where rows to come begin, NULL where they are not known. */
INLINED const T *const *OF(to_come)(const Block *block, ptrdiff_t first, ptrdiff_t count, ptrdiff_t d, const T **x)
{
    return first + count > block->known ? NULL : OF(some_rows)(block->later, block->coming, first, count, d, x);
}

static void OF(predict_rows)(const Block *block, ptrdiff_t d, const T *w, double b, double *z)
{
    const T *X = block->X, *x[8], *later[4];
    T ends[2 * LANES];
    ptrdiff_t i = 0, size = block->size;
    if (d >= LANES && block->rows) {
        OF(fill_ends)(ends, w, d, 0);
        for (; i + 8 <= size; i += 8)
            OF(dot8)(X, OF(some_rows)(X, block->rows, i, 8, d, x), w, ends, d, 0, b, z + i,
                     OF(to_come)(block, i / 2, 4, d, later), 4);
    } else if (d >= LANES && OF(shifted)(X, d)) {
        OF(fill_ends)(ends, w, d, 1);
        for (; i + 8 <= size; i += 8)
            OF(dot8)(X + i * d, NULL, w, ends, d, 1, b, z + i, NULL, 0);
    } else if (d >= LANES) {
        OF(fill_ends)(ends, w, d, 0);
        for (; i + 8 <= size; i += 8)
            OF(dot8)(X + i * d, NULL, w, ends, d, 0, b, z + i, NULL, 0);
    }
    for (; i + 4 <= size; i += 4) {
        OF(some_rows)(X, block->rows, i, 4, d, x);
        OF(dot4)(x[0], x[1], x[2], x[3], w, d, z + i, OF(to_come)(block, i / 2, 2, d, later));
        for (int k = 0; k < 4; k++)
            z[i + k] += b;
    }
    for (; i < size; i++)
        z[i] = OF(dot)(OF(some_rows)(X, block->rows, i, 1, d, x)[0], w, d) + b;
}

/* g += r0 x0 + .. + r7 x7, the end as add_all has it; rows to come are fetched evenly meanwhile. */
INLINED void OF(add8)(T *g, const double *r, const T *const *x, ptrdiff_t d, const T *const *later, int fetched)
{
    T u[8];
    EIGHT_TIMES(i) u[i] = (T)r[i];
    for (ptrdiff_t j = 0; j < d; j += LANES) {
        ptrdiff_t from = j + LANES <= d ? j : d - LANES;
        V even = {0}, odd = {0}; /* each waits for its last addition */
        FETCH(fetched);
        UNROLLED for (int i = 0; i < 8; i += 2) {
            even += u[i] * OF(at)(x[i] + from);
            odd += u[i + 1] * OF(at)(x[i + 1] + from);
        }
        *(OF(vector_anywhere) *)(j + LANES <= d ? g + j : g + d) += even + odd;
    }
    FETCH_LAST(fetched);
}

static void OF(add_rows)(const Block *block, ptrdiff_t d, const double *r, T *part, int first, int last, double *g)
{
    const T *X = block->X, *x[8], *later[4];
    ptrdiff_t i = 0, size = block->size, fours = size - size % 4, half = fours - fours / 2;
    int lying = !block->rows && d >= WIDE_LANES;
    ptrdiff_t head = lying ? OF(head)(X, d) : 0;
    part = (T *)((uintptr_t)part + (-(uintptr_t)part % 64)) + (WIDE_LANES - head) % WIDE_LANES; /* vectors are aligned */
    if (first)
        memset(part, 0, (size_t)(d + 2 * WIDE_LANES) * sizeof(T));
    if (lying) {
        OF(add_all)(part, r, X, size, d, head, block->later, block->known);
        if (last)
            OF(settle_ends)(part, d, head, WIDE_LANES);
        i = size;
    } else if (d >= LANES) {
        for (; i + 8 <= size; i += 8)
            OF(add8)(part, r + i, OF(some_rows)(X, block->rows, i, 8, d, x), d,
                     OF(to_come)(block, half + i / 2, 4, d, later), 4);
        if (last)
            OF(settle_ends)(part, d, 0, LANES);
    }
    for (; i + 4 <= size; i += 4) {
        OF(some_rows)(X, block->rows, i, 4, d, x);
        OF(combine)(part, 0.0, r + i, x[0], x[1], x[2], x[3], d, OF(to_come)(block, half + i / 2, 2, d, later));
    }
    for (; i < size; i++)
        OF(add)(r[i], OF(some_rows)(X, block->rows, i, 1, d, x)[0], part, d);
    for (ptrdiff_t j = 0; j < d && last; j++)
        g[j] += part[j];
}

#undef WIDE_LANES
#undef ROW
#undef FETCH
#undef FETCH_LAST
#undef V
#undef LANES
