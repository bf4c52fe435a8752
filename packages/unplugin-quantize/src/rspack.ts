import { createRspackPlugin } from 'unplugin';
import { quantizePlugin } from './index.ts';

export default createRspackPlugin(quantizePlugin);
