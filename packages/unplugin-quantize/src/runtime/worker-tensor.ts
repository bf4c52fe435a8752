import { RuntimeError } from './errors.ts';
import type { Tensor } from './types.ts';
import type { SentTensor } from './worker-messages.ts';

/** A tensor that came out of a worker, with the interface of onnxruntime's: the page itself has no engine. */
export function receivedTensor({ type, dims, data }: SentTensor): Tensor {
  const size = dims.reduce((product, dim) => product * dim, 1);
  const tensor = {
    type,
    dims,
    data,
    size,
    location: 'cpu',
    getData: async () => data,
    dispose: () => undefined,
    reshape(next: readonly number[]) {
      if (next.reduce((product, dim) => product * dim, 1) !== size) throw new RuntimeError('OPTION_INVALID', `A tensor of ${size} elements cannot have the shape [${next}]`);
      return receivedTensor({ type, dims: next, data });
    },
  };
  return tensor as unknown as Tensor;
}

/** What of a tensor is sent to a worker: a copy, so that the page keeps its own. */
export async function sentTensor(tensor: Tensor): Promise<SentTensor> {
  const data = tensor.location === undefined || tensor.location === 'cpu' ? tensor.data : await tensor.getData();
  return { type: tensor.type, dims: tensor.dims, data: data as SentTensor['data'] };
}
