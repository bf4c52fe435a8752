import { createFarmPlugin } from 'unplugin';
import { quantizePlugin } from './index.ts';

export default createFarmPlugin(quantizePlugin);
