export { checkFeeds } from './check-feeds.ts';
export { openSamples, type SampleOptions } from './samples.ts';
export { syntheticCandidates } from './synthetic.ts';
export { isFedType, showType, sizeOf, type Feeds, type SampleTensor, type TensorData } from './tensor.ts';
