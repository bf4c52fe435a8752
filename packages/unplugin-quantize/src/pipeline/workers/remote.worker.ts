import { parentPort, workerData } from 'node:worker_threads';
import { openStorage } from '../remote/open-storage.ts';
import type { RemotePlace } from '../remote/place.ts';
import { answerTo, type Question } from '../remote/thread.ts';
import { createTransfer } from '../remote/transfer.ts';

/** Entry of the thread that talks to the shared cache: a server that hangs can be left by ending it, whatever its driver waits for. */
const place = workerData as RemotePlace;
const transfer = openStorage(place).then((storage) => createTransfer(storage, place));
// Whoever asks hears of it.
transfer.catch(() => undefined);

parentPort!.on('message', (question: Question) => {
  // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread has no origin
  void answerTo(question, () => transfer).then((answer) => parentPort!.postMessage(answer));
});
