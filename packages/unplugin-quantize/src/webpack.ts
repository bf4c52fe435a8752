import { createWebpackPlugin } from 'unplugin';
import { quantizePlugin } from './index.ts';

export default createWebpackPlugin(quantizePlugin);
