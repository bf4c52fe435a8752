import { describe, expect, it } from 'vitest';
import { checkCache } from './cache-options.ts';
import { remotePlace } from './pipeline/remote/place.ts';

describe('checkCache', () => {
  it.each<[unknown]>([
    [undefined], [false], ['folder'], [{}], [{ folder: false, remote: false }], [{ remote: 'redis://cache:6379/2' }], [{ remote: 'shared/folder' }],
    [{ remote: { driver: 'redis', host: 'cache', tls: { servername: 'cache' }, keyPrefix: 'models' } }], [{ remote: { driver: 's3', bucket: 'b', readOnly: true, timeout: 100 } }],
    [{ remote: { storage: { hasItem: () => true, getItemRaw: () => null, setItemRaw: () => undefined } } }],
  ])('takes %j', (value) => expect(() => checkCache(value)).not.toThrow());

  it.each<[unknown, string]>([
    ['', '"cache"'], [true, '"cache"'], [{ dir: 'x' }, 'no key of "cache" "dir"'], [{ folder: '' }, 'cache.folder'], [{ remote: {} }, 'cache.remote.driver'],
    [{ remote: { driver: 'ftp' } }, 'one of fs, http, redis, s3'], [{ remote: { driver: 's3' } }, 'cache.remote.bucket'], [{ remote: { driver: 'http' } }, 'cache.remote.base'],
    [{ remote: { driver: 'redis', timeout: 0 } }, 'cache.remote.timeout'], [{ remote: { driver: 'redis', readOnly: 1 } }, 'cache.remote.readOnly'],
    [{ remote: { storage: {} } }, 'is no storage'], [{ remote: 7 }, 'cache.remote'],
  ])('refuses %j', (value, message) => expect(() => checkCache(value)).toThrow(message));

  it.each<[unknown, string]>([
    ['redis://me:hidden@cache:6379', 'UNPLUGIN_QUANTIZE_REDIS_PASSWORD'],
    ['https://hidden@cache/path', 'UNPLUGIN_QUANTIZE_HTTP_AUTHORIZATION'],
    [{ driver: 'redis', url: 'rediss://:hidden@cache' }, 'UNPLUGIN_QUANTIZE_REDIS_PASSWORD'],
    [{ driver: 'redis', password: 'hidden' }, 'UNPLUGIN_QUANTIZE_REDIS_PASSWORD'],
    [{ driver: 'redis', tls: { passphrase: 'hidden' } }, 'UNPLUGIN_QUANTIZE_REDIS_PASSWORD'],
    [{ driver: 'redis', cluster: [{ host: 'a' }], clusterOptions: { redisOptions: { password: 'hidden' } } }, 'UNPLUGIN_QUANTIZE_REDIS_PASSWORD'],
    [{ driver: 'http', base: 'https://cache', headers: { Authorization: 'hidden' } }, 'UNPLUGIN_QUANTIZE_HTTP_AUTHORIZATION'],
    [{ driver: 'http', base: 'https://cache', headers: { 'X-Api-Key': 'hidden' } }, 'UNPLUGIN_QUANTIZE_HTTP_AUTHORIZATION'],
    [{ driver: 's3', bucket: 'b', accessKeyId: 'hidden' }, 'AWS_ACCESS_KEY_ID'],
    [{ driver: 's3', bucket: 'b', secretAccessKey: 'hidden' }, 'AWS_SECRET_ACCESS_KEY'],
    [{ driver: 's3', bucket: 'b', sessionToken: 'hidden' }, 'AWS_ACCESS_KEY_ID'],
  ])('refuses credentials in %j, names the environment variable and does not repeat them', (remote, variable) => {
    let message = '';
    try {
      checkCache({ remote });
    } catch (error) {
      message = (error as Error).message;
    }
    expect(message).toContain(variable);
    expect(message).not.toContain('hidden');
  });
});

describe('remotePlace', () => {
  it('is none unless somebody names one, and the option wins over the environment', () => {
    const env = { UNPLUGIN_QUANTIZE_REMOTE_CACHE: 'redis://there' };
    expect(remotePlace(undefined, '/root', {})).toBeUndefined();
    expect(remotePlace(false, '/root', env)).toBeUndefined();
    expect(remotePlace(undefined, '/root', env)).toMatchObject({ driver: 'redis', options: { url: 'redis://there' }, timeout: 3000, readOnly: false });
    expect(remotePlace('shared', '/root', env)).toMatchObject({ driver: 'fs', options: { base: '/root/shared' }, name: '/root/shared' });
  });

  it('takes credentials from the environment and keeps them out of names', () => {
    const url = { UNPLUGIN_QUANTIZE_REMOTE_CACHE: 'https://me:pa%3Ass@cache.example/models' };
    expect(remotePlace(undefined, '/', url)).toMatchObject({ name: 'https://cache.example/models', options: { base: 'https://cache.example/models', headers: { authorization: `Basic ${btoa('me:pa:ss')}` } } });
    const redis = remotePlace({ driver: 'redis', host: 'cache', base: 'models' }, '/', { UNPLUGIN_QUANTIZE_REDIS_PASSWORD: 'hidden', UNPLUGIN_QUANTIZE_CACHE_SIGNATURE_KEY: 'sign' });
    expect(redis).toMatchObject({ name: 'redis://cache:6379', options: { host: 'cache', base: 'models', password: 'hidden' }, secrets: ['hidden', 'sign'], signatureKey: 'sign' });
    expect(remotePlace(undefined, '/', { UNPLUGIN_QUANTIZE_REMOTE_CACHE: 'redis://:hidden@cache:1' })).toMatchObject({ name: 'redis://cache:1', secrets: ['hidden', 'hidden'] });
  });

  it('knows buckets by region and by endpoint', () => {
    const env = { AWS_ACCESS_KEY_ID: 'id', AWS_SECRET_ACCESS_KEY: 'secret', AWS_SESSION_TOKEN: 'token', AWS_REGION: 'eu-north-1' };
    expect(remotePlace('s3://models/ci', '/', env)!.options).toEqual({
      bucket: 'models', base: 'ci', region: 'eu-north-1', endpoint: 'https://s3.eu-north-1.amazonaws.com', accessKeyId: 'id', secretAccessKey: 'secret', sessionToken: 'token',
    });
    expect(remotePlace('s3://models?region=auto&endpoint=https://r2.example', '/', env)!.options).toMatchObject({ bucket: 'models', region: 'auto', endpoint: 'https://r2.example' });
  });

  it.each(['ftp://host', 'gopher://x', 'https://'])('refuses %s, an address of nothing', (url) => {
    expect(() => remotePlace(url, '/', {})).toThrow('no address of a shared cache');
  });
});
