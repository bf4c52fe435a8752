import type { NamePattern } from '../options.ts';

/** Patterns that only these names fit, whatever characters they have. */
export function exactly(names: readonly string[]): NamePattern[] {
  return names.map((name) => new RegExp(`^${name.replace(/[\\^$.*+?()[\]{}|/]/g, '\\$&')}$`));
}
