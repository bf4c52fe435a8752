import { deserialize, serialize } from 'node:v8';
import { describe, expect, it } from 'vitest';
import { QuantizeError } from '../../errors.ts';
import { outcomeOf, unwrap, type Outcome } from './transport.ts';

/** What a thread or process border does to a message. */
const across = <T>(message: Outcome<T>): Outcome<T> => deserialize(serialize(message)) as Outcome<T>;

async function thrownAcross(error: unknown): Promise<QuantizeError> {
  const outcome = across(await outcomeOf(() => {
    throw error;
  }));
  try {
    unwrap(outcome);
  } catch (thrown) {
    return thrown as QuantizeError;
  }
  throw new Error('nothing was thrown');
}

describe('transport', () => {
  it('carries a result', async () => {
    expect(unwrap(across(await outcomeOf(async () => ({ cosine: NaN, list: [1] }))))).toEqual({ cosine: NaN, list: [1] });
  });

  it('carries an error with code, place, hint and cause', async () => {
    const original = new QuantizeError('MODEL_INVALID', 'Bad.', { model: 'm.onnx', node: 'n', option: 'o', hint: 'Fix it.', cause: new TypeError('inner') });
    const arrived = await thrownAcross(original);
    expect(arrived).toBeInstanceOf(QuantizeError);
    const { code, what, message, model, node, option, hint } = original;
    expect(arrived).toMatchObject({ code, what, message, model, node, option, hint });
    expect(String((arrived.cause as Error).message)).toContain('TypeError: inner');
  });

  it('leaves out what an error does not have', async () => {
    const arrived = await thrownAcross(new QuantizeError('MODEL_EMPTY', 'Empty.'));
    expect(arrived.message).toBe('Empty. [MODEL_EMPTY]');
    expect('cause' in arrived).toBe(false);
  });

  it('turns a fault of the program into one clear error that keeps the stack', async () => {
    const arrived = await thrownAcross(new RangeError('Invalid array length'));
    expect(arrived).toMatchObject({ code: 'WORKER_FAILED', what: 'A worker failed: RangeError: Invalid array length' });
    expect(String((arrived.cause as Error).message)).toContain('transport.test');
  });
});
