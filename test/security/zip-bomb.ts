import { deflateRawSync } from 'node:zlib';

const NAME = Buffer.from('x.npy');

/**
 * An archive of one entry of zeros.
 *
 * @param told bytes that it says to unpack to
 * @param real bytes that it does unpack to
 */
export function zipBomb(told: number, real = 1000): Uint8Array {
  const content = deflateRawSync(Buffer.alloc(real));
  const sizes = [20, 0, 8, 0, 0].map(short);
  // Version, flags, method, time, date, checksum, sizes, length of the name, of what else there is.
  const about = [...sizes, word(0), word(content.length), word(told), short(NAME.length), short(0)];
  const local = Buffer.concat([word(0x04034b50), ...about, NAME, content]);
  const directory = Buffer.concat([word(0x02014b50), short(20), ...about, short(0), short(0), short(0), word(0), word(0), NAME]);
  const end = [word(0x06054b50), short(0), short(0), short(1), short(1), word(directory.length), word(local.length), short(0)];
  return new Uint8Array(Buffer.concat([local, directory, ...end]));
}

function short(value: number): Buffer {
  const bytes = Buffer.alloc(2);
  bytes.writeUInt16LE(value);
  return bytes;
}

function word(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32LE(value);
  return bytes;
}
