import 'unplugin-quantize/runtime/worker';
