import { testFramework } from './framework-tests.ts';

const folders = { name: 'next', client: '.next/static', server: '.next/server' };

testFramework({ ...folders, dev: { script: 'dev', args: (port) => ['--port', String(port)] } });
testFramework({ ...folders, build: 'build:webpack' });
