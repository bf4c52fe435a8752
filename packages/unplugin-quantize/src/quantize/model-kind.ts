import { isOperator, scopesOf, tensorsOf } from '../graph/index.ts';
import type { GraphProto, Model } from '../onnx/index.ts';
import { inputSignatures, outputSignatures } from './signature.ts';

/** What a network is made of: convolutions, attention over a whole input, attention that goes on word by word, recurrences. */
export type ModelKind = 'cnn' | 'encoder' | 'decoder' | 'rnn';

const RECURRENT = ['LSTM', 'GRU', 'RNN'];
const CONVOLUTIONS = ['Conv', 'ConvTranspose'];
const PRODUCTS = ['MatMul', 'Gemm', 'Attention', 'MultiHeadAttention', 'FusedMatMul'];

/**
 * The kind of a model, by its operators: recurrences make it recurrent; a cache of keys, or scores for each word of its own vocabulary at
 * each place, a decoder; otherwise the more frequent of convolutions and matrix products decides.
 */
export function modelKind(model: Model): ModelKind {
  const nodes = scopesOf(model).flatMap(({ graph }) => graph.node);
  const count = (operators: readonly string[]): number => nodes.filter(({ opType }) => operators.includes(opType)).length;
  if (count(RECURRENT) > 0) return 'rnn';
  const graph = model.proto.graph!;
  if (count(['GroupQueryAttention']) > 0 || hasKeyCache(graph) || scoresVocabulary(model)) return 'decoder';
  return count(CONVOLUTIONS) > count(PRODUCTS) ? 'cnn' : 'encoder';
}

/** Keys and values of earlier words, as exporters name them. */
function hasKeyCache(graph: GraphProto): boolean {
  return inputSignatures(graph).some(({ name }) => /\bpast(?:_|\b)|past_key/i.test(name)) && outputSignatures(graph).some(({ name }) => /\bpresent(?:_|\b)/i.test(name));
}

/** True where an output has, for each place of a sequence, as many scores as a table of embeddings has rows. */
function scoresVocabulary(model: Model): boolean {
  const sizes = outputSignatures(model.proto.graph!).filter(({ dims }) => dims?.length === 3).map(({ dims }) => dims!.at(-1));
  return sizes.some((size) => typeof size === 'number' && size > 1 && vocabularies(model).has(size));
}

/** Rows of the tables that indices look up. */
function vocabularies(model: Model): Set<number> {
  const tables = new Map([...tensorsOf(model)].map((tensor) => [tensor.name, tensor.dims.map(Number)]));
  for (const { graph } of scopesOf(model)) {
    for (const node of graph.node) {
      const value = isOperator(node, 'Constant') ? node.attribute.find(({ name }) => name === 'value')?.t : undefined;
      if (value !== undefined) tables.set(node.output[0]!, value.dims.map(Number));
    }
  }
  const rows = scopesOf(model).flatMap(({ graph }) => graph.node).filter((node) => isOperator(node, 'Gather')).map((node) => tables.get(node.input[0]!));
  return new Set(rows.flatMap((dims) => (dims?.length === 2 ? [dims[0]!] : [])));
}
