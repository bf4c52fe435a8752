import { createEsbuildPlugin } from 'unplugin';
import { quantizePlugin } from './index.ts';

export default createEsbuildPlugin(quantizePlugin);
