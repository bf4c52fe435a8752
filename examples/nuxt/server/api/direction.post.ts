import { defineEventHandler, readRawBody } from 'h3';
import { lookAt } from '#shared/utils/direction';

/** The model on the server. */
export default defineEventHandler(async (event) => lookAt((await readRawBody(event, false)) ?? new Uint8Array()));
