import { testFramework } from './framework-tests.ts';

testFramework({ name: 'react-router', client: 'build/client', server: 'build/server', dev: { script: 'dev', args: (port) => ['--port', String(port)] } });
