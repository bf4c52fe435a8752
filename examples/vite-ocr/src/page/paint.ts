/** Lets the browser paint and answer input: WASM keeps the page's thread while a model runs. */
export function paint(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}
