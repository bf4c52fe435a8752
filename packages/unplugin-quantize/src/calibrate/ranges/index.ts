export { notFinite, statisticsCollector, type StatisticsCollector } from './statistics.ts';
