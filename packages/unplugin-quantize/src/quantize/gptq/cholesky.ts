/** Rows that are worked on side by side, so that each row before them is loaded once for all of them. */
const ROWS = 4;

/**
 * Replaces the lower triangle of a symmetric positive definite matrix by its Cholesky factor L with A = L Lᵀ, row by row; the upper
 * triangle is neither read nor written.
 *
 * @param a [n, n], row-major
 * @returns false where the matrix is not positive definite, with the triangle partly overwritten
 */
export function choleskyInPlace(a: Float64Array, n: number): boolean {
  for (let first = 0; first < n; first += ROWS) {
    const end = Math.min(n, first + ROWS);
    if (end - first === ROWS) for (let j = 0; j < first; j++) factorColumn(a, n, first, j);
    else for (let i = first; i < end; i++) factorRow(a, n, i, 0, first);
    for (let i = first; i < end; i++) {
      factorRow(a, n, i, first, i);
      const rest = a[i * n + i]! - dot(a, i * n, i * n, i);
      // Also false for NaN.
      if (!(rest > 0)) return false;
      a[i * n + i] = Math.sqrt(rest);
    }
  }
  return true;
}

/** The elements of row i in columns `from` to `to`; those before are done. */
function factorRow(a: Float64Array, n: number, i: number, from: number, to: number): void {
  for (let j = from; j < to; j++) a[i * n + j] = (a[i * n + j]! - dot(a, i * n, j * n, j)) / a[j * n + j]!;
}

/** The elements of column j in four rows. */
function factorColumn(a: Float64Array, n: number, first: number, j: number): void {
  const [row, p, q, r, s] = [j * n, first * n, first * n + n, first * n + 2 * n, first * n + 3 * n];
  let w = 0;
  let x = 0;
  let y = 0;
  let z = 0;
  for (let k = 0; k < j; k++) {
    const l = a[row + k]!;
    w += l * a[p + k]!;
    x += l * a[q + k]!;
    y += l * a[r + k]!;
    z += l * a[s + k]!;
  }
  const inverse = 1 / a[row + j]!;
  a[p + j] = (a[p + j]! - w) * inverse;
  a[q + j] = (a[q + j]! - x) * inverse;
  a[r + j] = (a[r + j]! - y) * inverse;
  a[s + j] = (a[s + j]! - z) * inverse;
}

/** The sum of `length` products of the elements that begin at two places. */
function dot(a: Float64Array, left: number, right: number, length: number): number {
  let sum = 0;
  for (let i = 0; i < length; i++) sum += a[left + i]! * a[right + i]!;
  return sum;
}

/** Replaces a lower triangular matrix [n, n] by its inverse, row by row; the upper triangle has to be zeros. */
export function invertLowerInPlace(l: Float64Array, n: number): void {
  const row = new Float64Array(n);
  for (let i = 0; i < n; i++) {
    const diagonal = 1 / l[i * n + i]!;
    row.fill(0, 0, i);
    // Four rows at a time, so that the sums are loaded and stored once for them; the zeros above the diagonal add nothing.
    let k = 0;
    for (; k + 3 < i; k += 4) addRows(row, l, n, k, l[i * n + k]!, l[i * n + k + 1]!, l[i * n + k + 2]!, l[i * n + k + 3]!);
    for (; k < i; k++) for (let j = 0; j <= k; j++) row[j]! += l[i * n + k]! * l[k * n + j]!;
    for (let j = 0; j < i; j++) l[i * n + j] = -row[j]! * diagonal;
    l[i * n + i] = diagonal;
  }
}

function addRows(sum: Float64Array, l: Float64Array, n: number, k: number, a: number, b: number, c: number, d: number): void {
  const [p, q, r, s] = [k * n, k * n + n, k * n + 2 * n, k * n + 3 * n];
  for (let j = 0; j <= k + 3; j++) sum[j]! += a * l[p + j]! + b * l[q + j]! + (c * l[r + j]! + d * l[s + j]!);
}

/**
 * The lower triangular V with A⁻¹ = V Vᵀ, which is `numpy.linalg.cholesky(numpy.linalg.inv(A))`. With rows and columns in reverse
 * order the Cholesky factor of A becomes an upper triangular R with A = R Rᵀ, so that V = R⁻ᵀ takes 2/3 n³ steps and no full inverse.
 *
 * @param a [n, n], row-major and symmetric; not changed
 * @returns undefined where A is not positive definite
 */
export function inverseFactor(a: Float64Array, n: number): Float64Array | undefined {
  const reversed = a.slice().reverse();
  if (!choleskyInPlace(reversed, n)) return undefined;
  for (let i = 0; i < n; i++) reversed.fill(0, i * n + i + 1, (i + 1) * n);
  invertLowerInPlace(reversed, n);
  const factor = new Float64Array(n * n);
  for (let i = 0; i < n; i++) for (let j = 0; j <= i; j++) factor[i * n + j] = reversed[(n - 1 - j) * n + n - 1 - i]!;
  return factor;
}
