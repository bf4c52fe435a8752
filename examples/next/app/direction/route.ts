import { lookAt } from '../../lib/direction.ts';

/** The model on the server. */
export async function POST(request: Request): Promise<Response> {
  return Response.json(await lookAt(new Uint8Array(await request.arrayBuffer())));
}
