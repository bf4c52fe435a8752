import type { Model } from '../../onnx/index.ts';
import { indexEdges, type Edges, type EdgesOf } from '../edges.ts';
import { dropDeadNodes } from './drop-dead-nodes.ts';
import { dropIdentity } from './drop-identity.ts';
import { dropStaleTypes } from './drop-stale-types.ts';
import { dropUnusedInitializers } from './drop-unused-initializers.ts';
import { foldConstants } from './fold-constants.ts';
import { foldSharedConstants } from './fold-shared-constants.ts';
import { fuseLinear } from './fuse-linear.ts';
import { inlineFunctions } from './inline-functions.ts';
import { initializersAsConstants } from './initializers-as-constants.ts';
import { liftConstants } from './lift-constants.ts';
import { mergeEqualInitializers } from './merge-equal-initializers.ts';
import { sortNodes } from './sort-nodes.ts';
import { squeezeWeights } from './squeeze-weights.ts';
import { tieTransposed } from './tie-transposed.ts';

/** One rewriting of a model that keeps what it computes. */
export interface Pass {
  readonly name: string;
  /** Edits the model in place and gives the number of changes; where it is 0, edges that were indexed before are still right. */
  readonly run: (model: Model, edgesOf?: EdgesOf) => number;
}

/** All passes in the order in which they are run: the later ones rely on what the earlier ones bring about. */
export const PASSES: readonly Pass[] = [
  { name: 'inline-functions', run: inlineFunctions },
  { name: 'sort-nodes', run: sortNodes },
  { name: 'lift-constants', run: liftConstants },
  { name: 'initializers-as-constants', run: initializersAsConstants },
  { name: 'drop-identity', run: dropIdentity },
  { name: 'drop-dead-nodes', run: dropDeadNodes },
  { name: 'merge-equal-initializers', run: mergeEqualInitializers },
  { name: 'fold-constants', run: foldConstants },
  { name: 'fold-shared-constants', run: foldSharedConstants },
  { name: 'drop-unused-initializers', run: dropUnusedInitializers },
  { name: 'drop-stale-types', run: dropStaleTypes },
];

/** Each round only leaves what its own changes made possible; two are usual, so this is never reached but by a mistake here. */
const MAX_ROUNDS = 10;

/**
 * Brings a model into the form that quantizing expects: weights are initializers, constants are folded, nothing is unused.
 * What the model computes stays the same, bit for bit.
 *
 * @throws QuantizeError MODEL_INVALID, EXTERNAL_DATA_*
 */
export function cleanGraph(model: Model): void {
  untilNothingChanges(model, sharedEdges());
}

/**
 * `cleanGraph`, matrices without leading dimensions of 1, operators merged that a quantizer is better off without, and transposed copies tied:
 * what the model computes stays the same but for the rounding of values that are no longer computed.
 *
 * @throws QuantizeError MODEL_INVALID, EXTERNAL_DATA_*
 */
export function prepareGraph(model: Model): void {
  const shared = sharedEdges();
  untilNothingChanges(model, shared);
  const changes = [squeezeWeights, fuseLinear, tieTransposed].map((run) => apply(run, model, shared));
  if (changes.some((count) => count > 0)) untilNothingChanges(model, shared);
}

/** Runs all passes in turn until each of them has found nothing to do since the last change. */
function untilNothingChanges(model: Model, shared: SharedEdges): void {
  let idle = 0;
  for (let i = 0; idle < PASSES.length && i < MAX_ROUNDS * PASSES.length; i++) {
    const changes = apply(PASSES[i % PASSES.length]!.run, model, shared);
    idle = changes > 0 ? 0 : idle + 1;
  }
}

function apply(run: Pass['run'], model: Model, shared: SharedEdges): number {
  const changes = run(model, shared.edgesOf);
  if (changes > 0) shared.forget();
  return changes;
}

/** Edges that all passes use until one of them has changed the model: indexing takes longer than most passes. */
interface SharedEdges {
  edgesOf: EdgesOf;
  forget(): void;
}

function sharedEdges(): SharedEdges {
  let known: Edges[] | undefined;
  return {
    edgesOf: (model) => (known ??= indexEdges(model)),
    forget: () => void (known = undefined),
  };
}
