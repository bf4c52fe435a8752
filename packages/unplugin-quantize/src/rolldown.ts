import { createRolldownPlugin } from 'unplugin';
import { quantizePlugin } from './index.ts';

export default createRolldownPlugin(quantizePlugin);
