"""Numbers that the backends share; src/generate writes them out for the compiled core (constants.h, constants.pxd)."""

__all__ = [
    "ABSENT_SCALE",
    "AVERAGE_A",
    "AVERAGE_B",
    "AVERAGE_COUNT",
    "AVERAGE_INTERCEPT",
    "BLOCK",
    "BLOCK_BYTES",
    "EXPONENT_SHIFT",
    "EXP_LOWER",
    "EXP_UPPER",
    "FEW_FEATURES",
    "GOLDEN",
    "INTERCEPT",
    "L1_NORM",
    "LOG2_E",
    "LOSS_SUM",
    "MIX_1",
    "MIX_2",
    "MOST_POINTS",
    "MOST_TOGETHER",
    "PATH_BLOCK",
    "PENALTY_SUM",
    "PENDING_L1",
    "POINTS_AT_ONCE",
    "POINTS_ROWS",
    "RESIDUAL",
    "ROUNDER",
    "SCALE",
    "SHARED_BATCH",
    "SMALLEST_SCALE",
    "SMALLEST_SCALE_FLOAT32",
    "SPAN",
    "SQRT_HALF_BITS",
    "SQUARED_NORM",
    "STATE_SIZE",
    "TWO_52",
    "TWO_52_BITS",
]

# Up to so many features X is copied by columns, and full-batch epochs are vectorised over rows: a row is too short to
# be. Against reading by rows that is twice as fast with 5 features and 1.5 times with 10, where it is no longer worth
# the memory, and as fast where X is beyond the cache. The shape alone decides: last bits depend on the order of sums.
FEW_FEATURES = 6
# At most so many rows are handled while they are in the cache, and so many bytes of X: their products, then their part
# of the gradient.
BLOCK = 256
BLOCK_BYTES = 24576
# From so many rows on threads share a mini-batch, which takes some 20 microseconds, and waiting for each other one.
SHARED_BATCH = 1024
# Calls of SGD's kernels begin and end at multiples of so many updates within an epoch: blocks of rows, sums of losses
# and lazy scales are closed there.
SPAN = 256
# Epochs of a block of the closed form's costs, and blocks of a group: the powers within are made once, a group's first
# by exp(2 k log |f|), so nothing drifts.
PATH_BLOCK = 64
# A pass over the rows that serves several points takes so many side by side in vectors, and at most so many in all, for
# so many rows at a time.
POINTS_AT_ONCE, MOST_POINTS, POINTS_ROWS = 8, 32, 32
# Configurations whose SGD or mini-batch updates take each row once (src/c/side_by_side.h).
MOST_TOGETHER = 16
# A scale of the coefficients, by which l2 shrinks all of them at once, is folded into them before it falls under this.
SMALLEST_SCALE = 1e-9
SMALLEST_SCALE_FLOAT32 = 1e-6  # by scikit-learn's conventions for float32

# The SplitMix64 generator of the sample order (Steele, Lea and Flood, 2014, OOPSLA).
GOLDEN = 0x9E3779B97F4A7C15
MIX_1 = 0xBF58476D1CE4E5B9
MIX_2 = 0x94D049BB133111EB

# exp and log of the compiled backends (src/c/elementary.h, gdfast/backends/numba/arithmetic.py).
ROUNDER = 6755399441055744.0  # 1.5 * 2^52: adding it rounds to an integer, which is left in the low bits
LOG2_E = 1.4426950408889634
EXP_LOWER, EXP_UPPER = -747.0, 711.0  # exp is 0 and infinity from here on
SQRT_HALF_BITS = 0x3FE6A09E667F3BCD
EXPONENT_SHIFT = 1074  # added to an exponent, it keeps that of the smallest double positive
TWO_52, TWO_52_BITS = 4503599627370496.0, 0x4330000000000000  # an integer below 2^52 in its low bits is added to it

# Indices of the state of updates by scikit-learn's conventions (gdfast/sklearn/updates.py).
SCALE = 0  # the coefficients are this times w
INTERCEPT = 1
AVERAGE_INTERCEPT = 2
PENDING_L1 = 3  # l1 pending for every coefficient since training began
AVERAGE_A = 4  # the average of coefficients is (AVERAGE_A w + average_sum) / AVERAGE_B
AVERAGE_B = 5
AVERAGE_COUNT = 6  # of iterates in the average; negative: so many updates more until it begins
LOSS_SUM = 7  # sum of the losses, each before its own update
PENALTY_SUM = 8  # sum of the penalties likewise
SQUARED_NORM = 9  # the squared 2-norm of the coefficients (CSR: of the row's) when a row was last added, shrunk since
L1_NORM = 10  # their 1-norm likewise
RESIDUAL = 11  # the part of a shrinkage that float32 cannot represent yet; of the compiled core alone
ABSENT_SCALE = 12  # the scale that scikit-learn has left where w was shrunk itself and SCALE is 1
STATE_SIZE = 13
