import { QuantizeError, systemErrorCode } from '../errors.ts';
import type { EngineName } from '../types.ts';
import { loadNodeEngine } from './engine-node.ts';
import { loadWebEngine } from './engine-web.ts';
import type { Engine } from './engine.ts';
import { INSTALL_HINT } from './install-hint.ts';

/** Which engines this installation has, and why the others are not there. */
export interface FoundEngines {
  engines: Engine[];
  missing: { engine: EngineName; reason: string }[];
}

export type EngineLoaders = Record<EngineName, () => Promise<Engine>>;

const LOADERS: EngineLoaders = { 'onnxruntime-node': loadNodeEngine, 'onnxruntime-web': loadWebEngine };

/** Loads every engine that is installed, onnxruntime-node first. A package that is missing or broken is listed, never thrown. */
export async function findEngines(loaders: Partial<EngineLoaders> = LOADERS): Promise<FoundEngines> {
  const found: FoundEngines = { engines: [], missing: [] };
  for (const engine of Object.keys(loaders) as EngineName[]) {
    try {
      found.engines.push(await loaders[engine]!());
    } catch (error) {
      found.missing.push({ engine, reason: reasonOf(engine, error) });
    }
  }
  return found;
}

/** The same, but looks no further than the first engine that is there: loading one takes a while. */
export async function findFirstEngine(loaders: EngineLoaders = LOADERS): Promise<FoundEngines> {
  const missing: FoundEngines['missing'] = [];
  for (const engine of Object.keys(loaders) as EngineName[]) {
    const found = await findEngines({ [engine]: loaders[engine] });
    if (found.engines.length > 0) return found;
    missing.push(...found.missing);
  }
  return { engines: [], missing };
}

/**
 * The engine to run models in: `preferred` where it is there, else the first that is.
 *
 * @param work what cannot be done without one, for the error
 * @throws QuantizeError ENGINE_MISSING when there is none
 */
export function requireEngine(found: FoundEngines, preferred?: EngineName, work = 'Accuracy cannot be measured'): Engine {
  const engine = found.engines.find(({ name }) => name === preferred) ?? found.engines[0];
  if (engine !== undefined) return engine;
  const reasons = found.missing.map(({ engine: name, reason }) => `${name}: ${reason}`).join('; ');
  throw new QuantizeError('ENGINE_MISSING', `${work} without an engine (${reasons}).`, { hint: INSTALL_HINT });
}

function reasonOf(engine: EngineName, error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  const code = systemErrorCode(error);
  const isAbsent = (code === 'ERR_MODULE_NOT_FOUND' || code === 'MODULE_NOT_FOUND') && message.includes(`'${engine}'`);
  return isAbsent ? 'not installed' : `installed, but it does not load: ${message.split('\n')[0]}`;
}
