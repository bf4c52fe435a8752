import { lookAt } from '../direction.ts';

/** The model on the server. */
export async function action({ request }: { request: Request }): Promise<Response> {
  return Response.json(await lookAt(new Uint8Array(await request.arrayBuffer())));
}
