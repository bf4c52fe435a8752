import { formatRequest, type ModelRequest } from '../request.ts';

/** A request as webpack and Rspack take it: in the path `#` and `?` would begin something else, in the query `!` would. */
export function formatWebpackRequest(request: ModelRequest): string {
  const query = formatRequest({ ...request, file: '' });
  const unsafe = query.includes('!');
  const marked = unsafe && !query.endsWith('&escaped') ? `${query}&escaped` : query;
  return request.file.replace(/[#?]/g, '\0$&') + marked.replaceAll('!', '=21');
}
