import type { APIRoute } from 'astro';
import { lookAt } from '../lib/direction.ts';

export const prerender = false;

/** The model on the server. */
export const POST: APIRoute = async ({ request }) => Response.json(await lookAt(new Uint8Array(await request.arrayBuffer())));
