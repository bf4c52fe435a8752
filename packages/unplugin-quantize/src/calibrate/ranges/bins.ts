/** Bins on each side of zero. At least half of them are in use on the side that reaches further. */
export const SIDE = 2048;
