import { createVitePlugin } from 'unplugin';
import { quantizePlugin } from './index.ts';

export default createVitePlugin(quantizePlugin);
