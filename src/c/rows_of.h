/* rows.h for one T. Included twice, so it has no guard. */

VECTOR_OF(vector, WIDTH);
#define V OF(vector)
#define LANES ((ptrdiff_t)(WIDTH / sizeof(T)))

/* The first `count` numbers at p, fewer than a vector, and zeros. */
static inline V OF(load_some)(const T *p, ptrdiff_t count)
{
#if AVX512
    if (sizeof(T) == 8)
        return (V)_mm256_maskz_loadu_pd((__mmask8)((1u << count) - 1), p);
    return (V)_mm256_maskz_loadu_ps((__mmask8)((1u << count) - 1), p);
#else
    V v = {0};
    for (ptrdiff_t i = 0; i < LANES - 1; i++)
        if (i < count)
            LANE(v, i) = p[i];
    return v;
#endif
}

static inline void OF(store_some)(T *p, V v, ptrdiff_t count)
{
#if AVX512
    if (sizeof(T) == 8)
        _mm256_mask_storeu_pd(p, (__mmask8)((1u << count) - 1), (__m256d)v);
    else
        _mm256_mask_storeu_ps(p, (__mmask8)((1u << count) - 1), (__m256)v);
#else
    for (ptrdiff_t i = 0; i < LANES - 1; i++)
        if (i < count)
            p[i] = LANE(v, i);
#endif
}

static inline double OF(sum)(V v)
{
#if AVX2
    if (sizeof(T) == 8) {
        __m128d s = _mm_add_pd(_mm256_castpd256_pd128((__m256d)v), _mm256_extractf128_pd((__m256d)v, 1));
        return _mm_cvtsd_f64(_mm_add_sd(s, _mm_unpackhi_pd(s, s)));
    }
    __m128 s = _mm_add_ps(_mm256_castps256_ps128((__m256)v), _mm256_extractf128_ps((__m256)v, 1));
    s = _mm_add_ps(s, _mm_movehl_ps(s, s));
    return _mm_cvtss_f32(_mm_add_ss(s, _mm_shuffle_ps(s, s, 1)));
#else
    T total = 0;
    for (ptrdiff_t i = 0; i < LANES; i++)
        total += LANE(v, i);
    return total;
#endif
}

/* z = the sums of four vectors; of float they take half the shuffles together, of double they are known later. */
static inline void OF(sum4)(V v0, V v1, V v2, V v3, double *z)
{
#if AVX2
    if (sizeof(T) == 4) {
        __m128 h[4];
        V v[4] = {v0, v1, v2, v3};
        for (int i = 0; i < 4; i++)
            h[i] = _mm_add_ps(_mm256_castps256_ps128((__m256)v[i]), _mm256_extractf128_ps((__m256)v[i], 1));
        __m128 p = _mm_add_ps(_mm_unpacklo_ps(h[0], h[1]), _mm_unpackhi_ps(h[0], h[1]));
        __m128 q = _mm_add_ps(_mm_unpacklo_ps(h[2], h[3]), _mm_unpackhi_ps(h[2], h[3]));
        _mm256_storeu_pd(z, _mm256_cvtps_pd(_mm_add_ps(_mm_movelh_ps(p, q), _mm_movehl_ps(q, p))));
        return;
    }
#endif
    z[0] = OF(sum)(v0), z[1] = OF(sum)(v1), z[2] = OF(sum)(v2), z[3] = OF(sum)(v3);
}

static inline V OF(at)(const T *p)
{
    return *(const OF(vector_anywhere) *)p;
}

static inline double OF(dot)(const T *x, const T *w, ptrdiff_t d)
{
    V a = {0}, b = {0};
    ptrdiff_t j = 0;
    for (; j + 2 * LANES <= d; j += 2 * LANES) {
        a += OF(at)(x + j) * OF(at)(w + j);
        b += OF(at)(x + j + LANES) * OF(at)(w + j + LANES);
    }
    for (; j + LANES <= d; j += LANES)
        a += OF(at)(x + j) * OF(at)(w + j);
    if (j < d)
        b += OF(load_some)(x + j, d - j) * OF(load_some)(w + j, d - j);
    return OF(sum)(a + b);
}

/* Two rows to come are fetched in the sweep of others, a line a step: asked for at once they would hold it up. */
#define FETCH_TWO \
    if (later) \
    PREFETCH(later[0] + j), PREFETCH(later[1] + j)
#define FETCH_ENDS \
    if (later) \
    PREFETCH(later[0] + d - 1), PREFETCH(later[1] + d - 1)

/* z = the products of four rows and w; later: two rows to fetch, or NULL. */
static inline void OF(dot4)(const T *x0, const T *x1, const T *x2, const T *x3, const T *w, ptrdiff_t d, double *z,
                            const T *const *later)
{
    V z0 = {0}, z1 = {0}, z2 = {0}, z3 = {0}, y0 = {0}, y1 = {0}, y2 = {0}, y3 = {0}, v, u;
    ptrdiff_t j = 0;
    for (; j + 2 * LANES <= d; j += 2 * LANES) { /* eight sums, since each waits for its last addition */
        FETCH_TWO;
        v = OF(at)(w + j), u = OF(at)(w + j + LANES);
        z0 += OF(at)(x0 + j) * v, y0 += OF(at)(x0 + j + LANES) * u;
        z1 += OF(at)(x1 + j) * v, y1 += OF(at)(x1 + j + LANES) * u;
        z2 += OF(at)(x2 + j) * v, y2 += OF(at)(x2 + j + LANES) * u;
        z3 += OF(at)(x3 + j) * v, y3 += OF(at)(x3 + j + LANES) * u;
    }
    FETCH_ENDS;
    if (j + LANES <= d) {
        v = OF(at)(w + j);
        z0 += OF(at)(x0 + j) * v;
        z1 += OF(at)(x1 + j) * v;
        z2 += OF(at)(x2 + j) * v;
        z3 += OF(at)(x3 + j) * v;
        j += LANES;
    }
    if (j < d) {
        v = OF(load_some)(w + j, d - j);
        z0 += OF(load_some)(x0 + j, d - j) * v;
        z1 += OF(load_some)(x1 + j, d - j) * v;
        z2 += OF(load_some)(x2 + j, d - j) * v;
        z3 += OF(load_some)(x3 + j, d - j) * v;
    }
    OF(sum4)(z0 + y0, z1 + y1, z2 + y2, z3 + y3, z);
}

/* The same, and in the same sweep the rows' products with each other: 10, 20, 21, 30, 31, 32. */
static inline void OF(products)(const T *x0, const T *x1, const T *x2, const T *x3, const T *w, ptrdiff_t d, double *z,
                                double *mutual, const T *const *later)
{
    if (d < 3) {
        for (int i = 0; i < 4; i++)
            z[i] = 0;
        for (int i = 0; i < 6; i++)
            mutual[i] = 0;
        for (ptrdiff_t j = 0; j < d; j++) {
            double a0 = x0[j], a1 = x1[j], a2 = x2[j], a3 = x3[j], v = w[j];
            z[0] += a0 * v, z[1] += a1 * v, z[2] += a2 * v, z[3] += a3 * v;
            mutual[0] += a1 * a0, mutual[1] += a2 * a0, mutual[2] += a2 * a1;
            mutual[3] += a3 * a0, mutual[4] += a3 * a1, mutual[5] += a3 * a2;
        }
        return;
    }
    V z0 = {0}, z1 = {0}, z2 = {0}, z3 = {0}, m10 = {0}, m20 = {0}, m21 = {0}, m30 = {0}, m31 = {0}, m32 = {0};
    V a0, a1, a2, a3, v;
    ptrdiff_t j = 0;
#define ALL_TEN \
    z0 += a0 * v, z1 += a1 * v, z2 += a2 * v, z3 += a3 * v; \
    m10 += a1 * a0, m20 += a2 * a0, m21 += a2 * a1, m30 += a3 * a0, m31 += a3 * a1, m32 += a3 * a2
    for (; j + LANES <= d; j += LANES) {
        if (j % (2 * LANES) == 0)
            FETCH_TWO;
        a0 = OF(at)(x0 + j), a1 = OF(at)(x1 + j), a2 = OF(at)(x2 + j), a3 = OF(at)(x3 + j), v = OF(at)(w + j);
        ALL_TEN;
    }
    FETCH_ENDS;
    if (j < d) {
        a0 = OF(load_some)(x0 + j, d - j), a1 = OF(load_some)(x1 + j, d - j), a2 = OF(load_some)(x2 + j, d - j);
        a3 = OF(load_some)(x3 + j, d - j), v = OF(load_some)(w + j, d - j);
        ALL_TEN;
    }
#undef ALL_TEN
    OF(sum4)(z0, z1, z2, z3, z);
    OF(sum4)(m10, m20, m21, m30, mutual);
    mutual[4] = OF(sum)(m31), mutual[5] = OF(sum)(m32);
}

/* What combine does; shrinking: lost is not 0. */
INLINED void OF(combine_where)(T *w, int shrinking, double lost, const double *u, const T *x0, const T *x1,
                               const T *x2, const T *x3, ptrdiff_t d, const T *const *later)
{
    T t = (T)lost, u0 = (T)u[0], u1 = (T)u[1], u2 = (T)u[2], u3 = (T)u[3];
    ptrdiff_t j = 0;
    if (d < 3) { /* the next four read w at once, and wait for what a masked store left */
        for (; j < d; j++) {
            T old = w[j];
            if (shrinking)
                old -= t * old;
            w[j] = (old + u0 * x0[j]) + (u1 * x1[j] + u2 * x2[j]) + u3 * x3[j];
        }
        return;
    }
    FETCH_ENDS;
    for (; j + LANES <= d; j += LANES) {
        V old = OF(at)(w + j);
        if (j % (2 * LANES) == 0)
            FETCH_TWO;
        if (shrinking)
            old -= t * old;
        *(OF(vector_anywhere) *)(w + j) = (old + u0 * OF(at)(x0 + j)) + (u1 * OF(at)(x1 + j) + u2 * OF(at)(x2 + j))
            + u3 * OF(at)(x3 + j);
    }
    if (j < d) {
        V old = OF(load_some)(w + j, d - j);
        if (shrinking)
            old -= t * old;
        old = (old + u0 * OF(load_some)(x0 + j, d - j))
            + (u1 * OF(load_some)(x1 + j, d - j) + u2 * OF(load_some)(x2 + j, d - j))
            + u3 * OF(load_some)(x3 + j, d - j);
        OF(store_some)(w + j, old, d - j);
    }
}

/* w <- w - lost w + u0 x0 + .. + u3 x3; later: two rows to fetch, or NULL. As (1 - lost) w each call would lose the
   same last digits of lost. */
INLINED void OF(combine)(T *w, double lost, const double *u, const T *x0, const T *x1, const T *x2, const T *x3,
                         ptrdiff_t d, const T *const *later)
{
    if (lost == 0.0)
        OF(combine_where)(w, 0, 0.0, u, x0, x1, x2, x3, d, later);
    else
        OF(combine_where)(w, 1, lost, u, x0, x1, x2, x3, d, later);
}

/* g += a x. */
static inline void OF(add)(double a, const T *x, T *g, ptrdiff_t d)
{
    T t = (T)a;
    ptrdiff_t j = 0;
    for (; j + LANES <= d; j += LANES)
        *(OF(vector_anywhere) *)(g + j) += t * OF(at)(x + j);
    if (j < d)
        OF(store_some)(g + j, OF(load_some)(g + j, d - j) + t * OF(load_some)(x + j, d - j), d - j);
}

#undef FETCH_TWO
#undef FETCH_ENDS
#undef V
#undef LANES
