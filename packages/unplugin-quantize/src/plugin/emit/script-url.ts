/**
 * The expression of a URL that is relative to a script which is no module: to the script's own address while it runs first, to the page
 * later, to a worker's location; where there is neither, the URL stays as it is.
 *
 * @param relative JavaScript expression of the relative URL
 */
export function scriptUrl(relative: string): string {
  const base = 'typeof document === "object" ? document.currentScript?.src || document.baseURI : location.href';
  return `(typeof document === "object" || typeof location === "object" ? new URL(${relative}, ${base}).href : ${relative})`;
}
