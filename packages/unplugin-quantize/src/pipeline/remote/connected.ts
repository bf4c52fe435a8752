/** What is loaded when a shared cache is asked for the first time. */
export { createRemoteCache } from './client.ts';
export { createLayer } from './layer.ts';
export { openStorage } from './open-storage.ts';
export { threadTransfer } from './thread.ts';
export { createTransfer } from './transfer.ts';
