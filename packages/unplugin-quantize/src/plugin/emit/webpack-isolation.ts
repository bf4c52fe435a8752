import type { Compiler } from 'webpack';
import { notSetBy, type Headers } from '../isolation.ts';

/** As webpack-dev-server takes them. */
type ServerHeaders = Headers | readonly { key: string; value: string }[] | ((...args: unknown[]) => Headers | readonly { key: string; value: string }[] | undefined);

/** Adds headers to `devServer` of the configuration, from which the dev servers of webpack and Rspack are started. */
export function isolateDevServer({ options }: Compiler, headers: Readonly<Record<string, string>>): void {
  if (Object.keys(headers).length === 0 || options.devServer === false) return;
  const devServer = (options.devServer ?? {}) as { headers?: ServerHeaders };
  const { headers: own } = devServer;
  const merge = (given: Exclude<ServerHeaders, (...args: unknown[]) => unknown> | undefined): Headers => {
    const set = isList(given) ? Object.fromEntries(given.map(({ key, value }) => [key, value])) : given;
    return { ...notSetBy(set, headers), ...set };
  };
  options.devServer = { ...devServer, headers: typeof own === 'function' ? (...args: unknown[]) => merge(own(...args)) : merge(own) };
}

function isList(given: unknown): given is readonly { key: string; value: string }[] {
  return Array.isArray(given);
}
