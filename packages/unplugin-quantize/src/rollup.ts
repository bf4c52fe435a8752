import { createRollupPlugin } from 'unplugin';
import { quantizePlugin } from './index.ts';

export default createRollupPlugin(quantizePlugin);
