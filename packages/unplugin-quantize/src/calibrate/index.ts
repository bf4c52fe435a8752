export { checkFeeds } from './check-feeds.ts';
export { notFinite, statisticsCollector, type StatisticsCollector } from './ranges/index.ts';
export { locateSamples, type LocatedSamples } from './files/locate.ts';
export { planSamples, type SamplePlan } from './sample-plan.ts';
export { openLabelledSamples, openSamples, type LabelledSample, type SampleOptions, type SamplesGiven } from './samples.ts';
export type { SampleLabel } from './source.ts';
export { syntheticCandidates } from './synthetic.ts';
export { watchedPlaces } from './watched-places.ts';
export { isFedType, showType, sizeOf, type Feeds, type SampleTensor, type TensorData } from './tensor.ts';
