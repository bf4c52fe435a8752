import type { RemoteCounts } from './client.ts';
import type { Shared } from '../cache/cache.ts';
import { CACHE_FORMAT } from '../cache/cache-key.ts';
import { ownVersion } from '../version.ts';
import { REMOTE_WORKER } from '../workers/workers.ts';
import type { RemoteLayer } from './layer.ts';
import type { RemotePlace } from './place.ts';

/** A shared cache whose code and thread are loaded when something is asked of it. */
export function sharedCache(place: RemotePlace, warn: (message: string) => void): Shared {
  let opened: Promise<{ layer: RemoteLayer; close(): Promise<RemoteCounts> }> | undefined;
  return {
    open: async () => (await (opened ??= connect(place, warn))).layer,
    async close() {
      const counts = await (await opened)?.close();
      opened = undefined;
      return counts;
    },
  };
}

async function connect(place: RemotePlace, warn: (message: string) => void): Promise<{ layer: RemoteLayer; close(): Promise<RemoteCounts> }> {
  const { createRemoteCache, createLayer, threadTransfer, createTransfer, openStorage } = await import('./connected.ts');
  const transfer = place.storage === undefined ? threadTransfer(place, REMOTE_WORKER) : createTransfer(await openStorage(place), place);
  const remote = createRemoteCache({ place, transfer, warn });
  return { layer: createLayer(remote, `unplugin-quantize:${CACHE_FORMAT}:${ownVersion()}`), close: () => remote.close() };
}
