/** The types of both entries, which have the same surface; bundlers and Node choose index.web or index.node by export condition. */
export * from './index.web.ts';
