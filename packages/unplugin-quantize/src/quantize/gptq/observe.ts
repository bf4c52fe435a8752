import { QuantizeError } from '../../errors.ts';
import { create, elementCount, arrayTensor, tensorProto, ValueInfoProtoSchema, dtypeCode, type Model } from '../../onnx/index.ts';
import { isOperator, makeNode, namesOf, type Use } from '../../graph/index.ts';
import { MIN_BLOCK_ELEMENTS } from '../blocks/layout.ts';
import { isExcluded, undecidedWeights, weightName, type Context, type Weight } from '../context.ts';
import { isPlainGemm } from '../gemm-to-matmul.ts';

/** An output of an observing model and the weights that are multiplied with the observed value. */
export interface Observation {
  /** float32 [K, K]: the sum of xᵀ x over all rows x of one run. */
  output: string;
  /** Rows of the weights. */
  K: number;
  /** Names of the weights (`WeightDecision.tensor`). */
  weights: string[];
}

/**
 * Makes a prepared model hand out what GPTQ needs to know of its samples, in place: for each value that is multiplied with large matrices the
 * sum of its rows' outer products, so that the engine's fast products do the work and a run hands out little.
 *
 *     x -> Reshape [-1, K] -> Transpose -> MatMul(xᵀ, x) -> output
 */
export function observeProducts(context: Context): Observation[] {
  const { model } = context;
  const names = namesOf(model);
  const observations = new Map<string, Observation>();
  for (const weight of undecidedWeights(context)) {
    if (elementCount(weight.tensor.dims) < MIN_BLOCK_ELEMENTS || isExcluded(context, weight)) continue;
    for (const use of weight.uses) {
      const K = rowsOf(use, weight);
      if (K === undefined) continue;
      const value = use.node.input[0]!;
      const known = observations.get(value) ?? { output: names.fresh(`${value}_gram`), K, weights: [] };
      if (!known.weights.includes(weightName(weight))) known.weights.push(weightName(weight));
      observations.set(value, known);
    }
  }
  for (const [value, { output, K }] of observations) addGram(model, (base) => names.fresh(`${value}_${base}`), value, output, K);
  return [...observations.values()];
}

/** The rows of a matrix that a product in the main graph reads; undefined for other readers. */
function rowsOf(use: Use, weight: Weight): number | undefined {
  const { node, index, scope } = use;
  const { dims } = weight.tensor;
  if (scope.parent !== undefined || dims.length !== 2) return undefined;
  if (isOperator(node, 'MatMul') && index === 1) return dims[0]!;
  return isPlainGemm(use, weight) ? dims[Number(node.attribute.find(({ name }) => name === 'transB')?.i ?? 0n)]! : undefined;
}

/** Adds nodes that hand out the sum of xᵀ x over all rows x, float32 [K, K], of a value whose last axis has length K. */
export function addGram(model: Model, fresh: (base: string) => string, value: string, output: string, K: number): void {
  const graph = model.proto.graph!;
  const [shape, rows, turned] = [fresh('shape'), fresh('rows'), fresh('turned')];
  graph.initializer.push(tensorProto(model, shape, arrayTensor('int64', [2], BigInt64Array.of(-1n, BigInt(K)))));
  graph.node.push(
    makeNode('Reshape', [value, shape], [rows]),
    makeNode('Transpose', [rows], [turned], { perm: [1, 0] }),
    makeNode('MatMul', [turned, rows], [output]),
  );
  const dim = { value: { case: 'dimValue' as const, value: BigInt(K) } };
  graph.output.push(create(ValueInfoProtoSchema, { name: output, type: { value: { case: 'tensorType', value: { elemType: dtypeCode('float32'), shape: { dim: [dim, dim] } } } } }));
}

/** Adds up what observing models hand out, in float64. */
export interface HessianSums {
  /**
   * Adds the outputs of one run, by name.
   *
   * @throws QuantizeError SAMPLES_INVALID for outputs of another model
   */
  add(outputs: Readonly<Record<string, ArrayLike<number>>>): void;
  /** The sum of each weight, [K, K]; weights that are multiplied with the same value share one array. */
  result(): Map<string, Float64Array>;
}

export function hessianSums(observations: readonly Observation[]): HessianSums {
  const sums = new Map(observations.map(({ output, K }) => [output, new Float64Array(K * K)]));
  return {
    add(outputs) {
      for (const [output, sum] of sums) {
        const values = outputs[output];
        if (values === undefined || values.length !== sum.length) throw new QuantizeError('SAMPLES_INVALID', `The run has no output ${output} of ${sum.length} numbers.`);
        for (let i = 0; i < sum.length; i++) sum[i]! += values[i]!;
      }
    },
    result() {
      const byWeight = new Map<string, Float64Array>();
      for (const { output, weights } of observations) {
        const sum = sums.get(output)!;
        for (const weight of weights) {
          const other = byWeight.get(weight);
          byWeight.set(weight, other === undefined ? sum : sum.map((value, i) => value + other[i]!));
        }
      }
      return byWeight;
    },
  };
}
