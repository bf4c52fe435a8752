import type { LoaderContext } from 'webpack';
import { rewriteUrls } from '../rewrite/rewrite-urls.ts';

type Context = LoaderContext<object>;
type InputMap = Parameters<Context['callback']>[2];

/** Before anything is made a string: most modules name no model. */
const MARK = Buffer.from('.onnx?');

/** The code of a module with texts that name models turned into imports. Other loaders have made JavaScript of it. */
export const rewriteModule = function (this: Context, source: string | Buffer, inputMap?: InputMap): void {
  const rewritten = source.includes(MARK as string & Buffer) ? rewriteUrls(String(source), this.resourcePath, { isAbsolute: true, hasRequire: true }) : undefined;
  if (rewritten === undefined) this.callback(null, source, inputMap);
  else this.callback(null, rewritten.code, { ...rewritten.map, file: this.resourcePath });
};
