import { testFramework } from './framework-tests.ts';

testFramework({ name: 'nuxt', client: '.output/public', server: '.output/server', dev: { script: 'dev', args: (port) => ['--port', String(port), '--no-fork'] } });
