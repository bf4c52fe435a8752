import { QuantizeError } from '../errors.ts';

/**
 * A location comes out of the model and is hostile until it is seen to stay inside the model's folder.
 *
 * @throws QuantizeError EXTERNAL_DATA_OUTSIDE, MODEL_INVALID where there is none
 */
export function checkLocation(location: string | undefined, place: { model: string; node?: string }): string {
  if (location === undefined || location === '') {
    throw new QuantizeError('MODEL_INVALID', 'A tensor with external data names no file.', place);
  }
  const parts = location.split(/[\\/]/);
  if (parts.includes('..') || parts[0] === '' || /^[a-z]:/i.test(location) || location.includes('\0')) {
    throw new QuantizeError('EXTERNAL_DATA_OUTSIDE', `The model refers to ${JSON.stringify(location)}, which is outside its folder.`, {
      ...place,
      hint: 'External data has to lie in the folder of the model or below; save the model again with a relative location.',
    });
  }
  return location;
}
