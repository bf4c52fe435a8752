import { testFramework } from './framework-tests.ts';

testFramework({ name: 'astro', client: 'dist/client', server: 'dist/server', dev: { script: 'dev', args: (port) => ['--port', String(port)] } });
