import { lookAt } from '$lib/direction.ts';

export async function POST({ request }: { request: Request }): Promise<Response> {
  return Response.json(await lookAt(new Uint8Array(await request.arrayBuffer())));
}
